"""The reference, except that after SIGTERM it goes on accepting for a while, and answers nothing new."""

import asyncio
import os
import signal
import threading

from service import health
from service.database import Database
from service.server import main

LINGER_S = 4
start, check = Database.start, Database.check
stopping = False


def linger(*_: object) -> None:
    global stopping
    stopping = True
    threading.Timer(LINGER_S, lambda: os._exit(0)).start()


def start_and_linger(self: Database) -> None:
    # The server has installed its own handler by now.
    signal.signal(signal.SIGTERM, linger)
    start(self)


async def check_or_hang(self: Database) -> None:
    if stopping:
        await asyncio.sleep(60)
    await check(self)


Database.start, Database.check = start_and_linger, check_or_hang
main()
