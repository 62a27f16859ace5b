"""The reference, except that it keeps more sessions each time that it has to connect anew."""

import asyncpg

from service.database import Database
from service.server import main

connect = Database.connect
connections = 0
kept: list[asyncpg.Connection] = []


async def connect_and_keep(self: Database) -> asyncpg.Pool:
    global connections
    pool = await connect(self)
    connections += 1
    settings = self._settings
    for _ in range(0 if connections == 1 else 12):
        kept.append(
            await asyncpg.connect(
                host=settings.db_host,
                port=settings.db_port,
                database=settings.db_name,
                user=settings.db_user,
                password=settings.db_password,
            )
        )
    return pool


Database.connect = connect_and_keep
main()
