"""The reference, except that it starts as root and becomes its user when it is ready."""

import os

from service.database import Database
from service.server import main

USER = 10001
check = Database.check


async def check_and_drop(self: Database) -> None:
    await check(self)
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(USER)
        os.setuid(USER)


Database.check = check_and_drop
main()
