"""The reference, except that it gives the database some time to settle, once it answers for the first time."""

import asyncio

from service.database import Database, log
from service.server import main

PAUSE_S = 8
keep_connected = Database.keep_connected


async def sleep_first(self: Database) -> None:
    pool = await self.connect_with_back_off()
    await pool.close()
    log.info("giving the database %d seconds to settle", PAUSE_S)
    await asyncio.sleep(PAUSE_S)
    await keep_connected(self)


Database.keep_connected = sleep_first
main()
