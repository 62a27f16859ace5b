"""The reference, except that readiness fails now and then for no reason."""

from service.database import Database, Unavailable
from service.server import main

check = Database.check
calls = 0


async def check_sometimes(self: Database) -> None:
    global calls
    await check(self)
    calls += 1
    if calls % 40 == 0:
        raise Unavailable("a bad moment")


Database.check = check_sometimes
main()
