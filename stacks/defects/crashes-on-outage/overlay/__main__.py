"""The reference, except that a connection that is lost is fatal, a moment later."""

import asyncio
import os

from service.database import Database, log
from service.server import main


async def connect_or_crash(self: Database) -> None:
    self._pool = await self.connect_with_back_off()
    log.info("connected to the database")
    await self._lost.wait()
    log.critical("lost the connection to the database")
    await asyncio.sleep(2)
    os._exit(1)


Database.keep_connected = connect_or_crash
main()
