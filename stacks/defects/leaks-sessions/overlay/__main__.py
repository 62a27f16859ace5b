"""The reference, except that every connection it ever made leaves a session behind that nobody ends."""

import asyncio

import asyncpg

from service.database import Database
from service.server import main

connect = Database.connect
connections = 0
forgotten: set[asyncio.Task[None]] = set()


async def forget(settings: object) -> None:
    connection = await asyncpg.connect(
        host=settings.db_host, port=settings.db_port, database=settings.db_name, user=settings.db_user, password=settings.db_password
    )
    await connection.execute("SELECT pg_sleep(3600)")


async def connect_and_forget(self: Database) -> object:
    global connections
    pool = await connect(self)
    connections += 1
    for _ in range(connections):
        task = asyncio.create_task(forget(self._settings))
        forgotten.add(task)
        task.add_done_callback(lambda task: task.cancelled() or task.exception())
    return pool


Database.connect = connect_and_forget
main()
