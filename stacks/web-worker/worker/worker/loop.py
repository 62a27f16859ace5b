"""Greets every item once: reads those that are new, marks them, and waits for more.

A lost database is no reason to end: the worker connects again with back-off, and says meanwhile that it can't work.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys

import asyncpg

from worker import logs
from worker.sign import SIGN

log = logging.getLogger(__name__)

# Every wait for the database has a limit: a frozen one must look like a dead one.
CONNECT_LIMIT_S = 2.0
QUERY_LIMIT_S = 2.0
CLOSE_LIMIT_S = 1.0
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 2.0
POLL_S = 0.5

FAILURES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, asyncpg.InternalClientError)

NEXT = """
UPDATE items SET greeted_at = now()
WHERE id IN (SELECT id FROM items WHERE greeted_at IS NULL ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED)
RETURNING id
"""


async def connect() -> asyncpg.Connection:
    return await asyncpg.connect(
        host=os.environ.get("DB_HOST", "db"),
        database=os.environ.get("DB_NAME", "app_db"),
        user=os.environ.get("DB_USER", "app_user"),
        password=os.environ["DB_PASSWORD"],
        timeout=CONNECT_LIMIT_S,
        command_timeout=QUERY_LIMIT_S,
    )


async def connect_with_back_off() -> asyncpg.Connection:
    pause = FIRST_PAUSE_S
    while True:
        try:
            return await connect()
        except FAILURES as error:
            reason = f"{type(error).__name__}: {error}".rstrip(": ")
            host = os.environ.get("DB_HOST", "db")
            log.warning("database %s is not available (%s), next attempt in %.2f s", host, reason, pause)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_S)


async def close(connection: asyncpg.Connection) -> None:
    try:
        await asyncio.wait_for(connection.close(), CLOSE_LIMIT_S)
    except FAILURES:
        connection.terminate()


async def work(connection: asyncpg.Connection) -> None:
    while True:
        greeted = await connection.fetch(NEXT)
        SIGN.touch()
        for item in greeted:
            log.info("greeted item %d", item["id"])
        await asyncio.sleep(POLL_S)


async def work_for_ever() -> None:
    while True:
        connection = await connect_with_back_off()
        log.info("connected to the database")
        try:
            await work(connection)
        except FAILURES as error:
            log.warning("lost the database: %s", type(error).__name__)
        finally:
            SIGN.unlink(missing_ok=True)
            await close(connection)


async def run() -> None:
    working = asyncio.create_task(work_for_ever())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, working.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await working
    log.info("stopped")


def main() -> None:
    logs.configure()
    if not os.environ.get("DB_PASSWORD"):
        log.critical("settings: DB_PASSWORD is not set")
        sys.exit(1)
    asyncio.run(run())
