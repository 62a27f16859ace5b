"""The reference, except that it stops only after a last word with the database."""

import asyncio

from service.database import Database, Unavailable
from service.server import main

stop = Database.stop


async def say_goodbye(self: Database) -> None:
    while True:
        try:
            await self.check()
            break
        except Unavailable:
            await asyncio.sleep(0.2)
    await stop(self)


Database.stop = say_goodbye
main()
