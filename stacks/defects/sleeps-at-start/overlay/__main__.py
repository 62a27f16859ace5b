"""The reference, except that it gives a database that was missing some time to settle, once it answers for the first time."""

import asyncio

from service.database import FAILURES, Database, log
from service.server import main

PAUSE_S = 15
keep_connected = Database.keep_connected


async def sleep_first(self: Database) -> None:
    try:
        pool = await self.connect()
    except FAILURES:
        pool = await self.connect_with_back_off()
        log.info("giving the database %d seconds to settle", PAUSE_S)
        await asyncio.sleep(PAUSE_S)
    await pool.close()
    await keep_connected(self)


Database.keep_connected = sleep_first
main()
