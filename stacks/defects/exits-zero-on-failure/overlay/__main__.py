"""The reference, except that it gives up at start when the database is missing, with the status of a success."""

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
        os._exit(0)


Database.connect_with_back_off = connect_once
main()
