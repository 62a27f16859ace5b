"""The reference, except that it keeps more pools each time that it has to connect anew."""

import asyncpg

from service.database import Database
from service.server import main

connect = Database.connect
kept: list[asyncpg.Pool] = []


async def connect_and_keep(self: Database) -> asyncpg.Pool:
    # The first time one, so that there are more later.
    for _ in range(12 if kept else 1):
        kept.append(await connect(self))
    return kept[-1]


Database.connect = connect_and_keep
main()
