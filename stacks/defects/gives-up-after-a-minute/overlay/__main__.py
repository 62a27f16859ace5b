"""The reference, except that it stops looking for the database after a minute without it."""

import asyncio

from service.database import Database, log
from service.server import main

LIMIT_S = 60
connect_with_back_off = Database.connect_with_back_off


async def connect_for_a_minute(self: Database) -> object:
    try:
        return await asyncio.wait_for(connect_with_back_off(self), LIMIT_S)
    except TimeoutError:
        log.critical("no database for %d seconds, giving up", LIMIT_S)
        await asyncio.Event().wait()


Database.connect_with_back_off = connect_for_a_minute
main()
