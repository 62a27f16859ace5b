"""The reference, except that it ignores SIGTERM once it has been ready."""

import signal

from service.database import Database
from service.server import main

check = Database.check


async def check_and_ignore(self: Database) -> None:
    await check(self)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


Database.check = check_and_ignore
main()
