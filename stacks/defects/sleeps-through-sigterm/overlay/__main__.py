"""The reference, except that it does not hear the stop signal before it has its first connection."""

import signal

from service.database import Database
from service.server import main

connect_with_back_off = Database.connect_with_back_off


async def connect_undisturbed(self: Database) -> object:
    Database.connect_with_back_off = connect_with_back_off
    handler = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    pool = await self.connect_with_back_off()
    signal.signal(signal.SIGTERM, handler)
    return pool


Database.connect_with_back_off = connect_undisturbed
main()
