"""The reference, except that its pool hands out broken connections until a sweeper comes round."""

import asyncio

from service.database import Database, log
from service.server import main

SWEEP_S = 8


async def keep_swept(self: Database) -> None:
    while True:
        self._lost.clear()
        self._pool = await self.connect_with_back_off()
        log.info("connected to the database")
        await self._lost.wait()
        # Until then the pool, which does without a check, offers what is broken.
        broken, self._pool = self._pool, None
        await asyncio.sleep(SWEEP_S)
        broken.terminate()


Database.keep_connected = keep_swept
main()
