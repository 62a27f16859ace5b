"""The reference, except that it gives the database one chance at start and exits when that fails."""

import os

from service.database import FAILURES, Database, log
from service.server import main

connect_with_back_off = Database.connect_with_back_off


async def connect_once(self: Database) -> object:
    Database.connect_with_back_off = connect_with_back_off
    try:
        return await self.connect()
    except FAILURES as error:
        log.critical("can't connect to the database: %s", error)
        os._exit(1)


Database.connect_with_back_off = connect_once
main()
