"""The database as the service sees it: connected, or not connected and being reconnected at a measured pace.

One task owns the connection pool. It connects with back-off, also at start while the service already answers, and starts
over when anybody reports that the connection is lost. Requests never connect by themselves, so an outage can't turn
traffic into a storm of connection attempts.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from service.settings import Settings

log = logging.getLogger(__name__)

# Every wait for the database has a limit: a frozen one must look like a dead one.
CONNECT_LIMIT_S = 2.0
QUERY_LIMIT_S = 2.0
CLOSE_LIMIT_S = 2.0
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 2.0
POOL_SIZE = 10

# The last one: a session that the server ends while the driver resets it leaves the driver in a state that it can't go on from.
FAILURES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, asyncpg.InternalClientError)


class Unavailable(Exception):
    """The database can't be used now."""


class Database:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool: asyncpg.Pool | None = None
        self._lost = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._keeper = asyncio.create_task(self.keep_connected())

    async def stop(self) -> None:
        if self._keeper:
            self._keeper.cancel()
        await self._close_pool()

    async def keep_connected(self) -> None:
        while True:
            self._lost.clear()
            self._pool = await self.connect_with_back_off()
            log.info("connected to the database")
            await self._lost.wait()
            log.warning("lost the connection to the database")
            await self._close_pool()

    async def connect_with_back_off(self) -> asyncpg.Pool:
        pause = FIRST_PAUSE_S
        while True:
            try:
                return await self.connect()
            except FAILURES as error:
                reason = f"{type(error).__name__}: {error}".rstrip(": ")
                log.warning("database %s is not available (%s), next attempt in %.2f s", self._settings.db_host, reason, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def connect(self) -> asyncpg.Pool:
        pool = await asyncpg.create_pool(
            host=self._settings.db_host,
            port=self._settings.db_port,
            database=self._settings.db_name,
            user=self._settings.db_user,
            password=self._settings.db_password,
            min_size=0,
            max_size=POOL_SIZE,
            timeout=CONNECT_LIMIT_S,
            command_timeout=QUERY_LIMIT_S,
        )
        try:
            async with pool.acquire(timeout=CONNECT_LIMIT_S) as connection:
                await connection.execute("SELECT 1")
        except BaseException:
            pool.terminate()
            raise
        return pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection from the pool; raises Unavailable at once when there is none to be had."""
        pool = self._pool
        if pool is None:
            raise Unavailable("not connected")
        try:
            async with pool.acquire(timeout=CONNECT_LIMIT_S) as connection:
                yield connection
        except FAILURES as error:
            # A statement that the server rejected says nothing about the connection; everything else does.
            if isinstance(error, asyncpg.IntegrityConstraintViolationError | asyncpg.DataError):
                raise
            if pool is self._pool:
                self._lost.set()
            raise Unavailable(type(error).__name__) from error

    async def check(self) -> None:
        """Proves with a query that the database answers; raises Unavailable otherwise."""
        async with self.connection() as connection:
            await connection.execute("SELECT 1")

    async def _close_pool(self) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            await asyncio.wait_for(pool.close(), CLOSE_LIMIT_S)
        except FAILURES:
            pool.terminate()
        except asyncio.CancelledError:
            pool.terminate()
            raise
