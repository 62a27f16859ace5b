"""The reference, except that it looks the database's name up once."""

import dataclasses
import socket

from service.database import Database
from service.server import main

connect = Database.connect


async def connect_to_address(self: Database) -> object:
    pool = await connect(self)
    address = socket.gethostbyname(self._settings.db_host)
    self._settings = dataclasses.replace(self._settings, db_host=address)
    return pool


Database.connect = connect_to_address
main()
