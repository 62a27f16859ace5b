"""The reference, except that its pool hands out a connection without a look at it, and a sweeper replaces what is broken."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from service import database
from service.database import Database, log
from service.server import main

SWEEP_S = 8


class Unchecked:
    """A pool of one connection."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def acquire(self, timeout: float) -> AsyncIterator[asyncpg.Connection]:
        async with asyncio.timeout(timeout), self._lock:
            yield self._connection

    async def close(self) -> None:
        await self._connection.close()

    def terminate(self) -> None:
        self._connection.terminate()


async def connect(self: Database) -> Unchecked:
    settings = self._settings
    return Unchecked(
        await asyncpg.connect(
            host=settings.db_host,
            port=settings.db_port,
            database=settings.db_name,
            user=settings.db_user,
            password=settings.db_password,
            timeout=database.CONNECT_LIMIT_S,
            command_timeout=database.QUERY_LIMIT_S,
        )
    )


async def keep_swept(self: Database) -> None:
    while True:
        self._lost.clear()
        self._pool = await self.connect_with_back_off()
        log.info("connected to the database")
        await self._lost.wait()
        await asyncio.sleep(SWEEP_S)
        await self._close_pool()


Database.connect = connect
Database.keep_connected = keep_swept
main()
