"""The reference, except that after SIGTERM it goes on accepting for a while, and answers nothing new."""

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from service.database import Database, log
from service.server import main

LINGER_S = 4
start, connection = Database.start, Database.connection
stopping = False


def linger(*_: object) -> None:
    global stopping
    stopping = True
    log.info("stopping in %s s", LINGER_S)
    threading.Timer(LINGER_S, lambda: os._exit(0)).start()


def start_and_linger(self: Database) -> None:
    # The server has installed its own handler by now.
    signal.signal(signal.SIGTERM, linger)
    start(self)


@asynccontextmanager
async def connection_or_none(self: Database) -> AsyncIterator[asyncpg.Connection]:
    if stopping:
        await asyncio.sleep(60)
    async with connection(self) as found:
        yield found


Database.start, Database.connection = start_and_linger, connection_or_none
main()
