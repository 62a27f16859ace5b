"""The reference, except that it sleeps before it first looks for the database."""

import asyncio

from service.database import Database, log
from service.server import main

PAUSE_S = 12
keep_connected = Database.keep_connected


async def sleep_first(self: Database) -> None:
    log.info("giving the database %d seconds to come up", PAUSE_S)
    await asyncio.sleep(PAUSE_S)
    await keep_connected(self)


Database.keep_connected = sleep_first
main()
