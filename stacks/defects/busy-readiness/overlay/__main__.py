"""The reference, except that readiness needs a connection that nobody else has, and does not wait for one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from service.database import Database, Unavailable
from service.server import main

in_use = 0
connection, check = Database.connection, Database.check


@asynccontextmanager
async def connection_counted(self: Database) -> AsyncIterator[asyncpg.Connection]:
    global in_use
    in_use += 1
    try:
        async with connection(self) as one:
            yield one
    finally:
        in_use -= 1


async def check_when_idle(self: Database) -> None:
    if in_use:
        raise Unavailable("busy")
    await check(self)


Database.connection, Database.check = connection_counted, check_when_idle
main()
