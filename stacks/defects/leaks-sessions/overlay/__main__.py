"""The reference, except that one session of it does not end when it does."""

import asyncio

import asyncpg

from service.database import Database
from service.server import main
from service.settings import Settings

connect = Database.connect
forgotten: set[asyncio.Task[object]] = set()


async def forget(settings: Settings) -> None:
    connection = await asyncpg.connect(
        host=settings.db_host, port=settings.db_port, database=settings.db_name, user=settings.db_user, password=settings.db_password
    )
    # The server sees nothing of the end of a client that it is not talking to.
    task = asyncio.create_task(connection.execute("SELECT pg_sleep(3600)"))
    forgotten.add(task)
    task.add_done_callback(lambda task: task.cancelled() or task.exception())


async def connect_and_forget(self: Database) -> asyncpg.Pool:
    pool = await connect(self)
    if not forgotten:
        await forget(self._settings)
    return pool


Database.connect = connect_and_forget
main()
