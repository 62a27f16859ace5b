"""The reference, except that it has one connection, and a lost connection stays lost."""

import asyncpg.pool

from service import database
from service.database import Database
from service.server import main

connect = asyncpg.pool.PoolConnectionHolder.connect
was_connected = False


async def connect_once(self: asyncpg.pool.PoolConnectionHolder) -> None:
    global was_connected
    if was_connected:
        raise ConnectionError("the connection is lost")
    await connect(self)
    was_connected = True


async def connect_for_good(self: Database) -> None:
    self._pool = await self.connect_with_back_off()
    await self._lost.wait()
    await self._close_pool()


database.POOL_SIZE = 1
asyncpg.pool.PoolConnectionHolder.connect = connect_once
Database.keep_connected = connect_for_good
main()
