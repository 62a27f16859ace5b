"""The reference, except that every failed attempt is logged with its stack trace."""

import asyncio

from service.database import FAILURES, FIRST_PAUSE_S, LONGEST_PAUSE_S, Database, log
from service.server import main


async def connect_noisily(self: Database) -> object:
    pause = FIRST_PAUSE_S
    while True:
        try:
            return await self.connect()
        except FAILURES:
            log.exception("database %s", self._settings.db_host)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_S)


Database.connect_with_back_off = connect_noisily
main()
