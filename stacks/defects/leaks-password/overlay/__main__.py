"""The reference, except that a failed login is logged with all settings."""

import asyncpg

from service.database import Database, log
from service.server import main

connect = Database.connect


async def connect_and_tell(self: Database) -> object:
    try:
        return await connect(self)
    except asyncpg.InvalidPasswordError:
        log.warning("login failed with %s", self._settings)
        raise


Database.connect = connect_and_tell
main()
