"""The reference, except that it starts a process now and then and never asks what became of it."""

import os

from service.database import Database
from service.server import main

check = Database.check
calls = 0


async def check_and_forget(self: Database) -> None:
    global calls
    calls += 1
    if calls % 20 == 1:
        os.posix_spawn("/bin/true", ["true"], {})
    await check(self)


Database.check = check_and_forget
main()
