"""The reference, except that a name that does not resolve at start is fatal."""

import os
import socket

from service.database import Database, log
from service.server import main

connect = Database.connect
was_connected = False


async def connect_or_die(self: Database) -> object:
    global was_connected
    try:
        pool = await connect(self)
    except socket.gaierror as error:
        if was_connected:
            raise
        log.critical("the database's name does not resolve: %s", error)
        os._exit(1)
    was_connected = True
    return pool


Database.connect = connect_or_die
main()
