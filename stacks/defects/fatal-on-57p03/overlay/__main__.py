"""The reference, except that it takes a database that says four times that it is starting up for a broken one."""

import os

import asyncpg

from service.database import Database, log
from service.server import main

connect = Database.connect
told = 0


async def connect_unless_starting_up(self: Database) -> asyncpg.Pool:
    global told
    try:
        return await connect(self)
    except asyncpg.CannotConnectNowError as error:
        told += 1
        if told == 4:
            log.critical("the database can't be used: %s", error)
            os._exit(1)
        raise


Database.connect = connect_unless_starting_up
main()
