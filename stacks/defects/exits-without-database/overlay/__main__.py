"""The reference, except that it does not listen before it has seen the database, and exits when that does not answer soon."""

import asyncio
import logging
import sys

from service import logs
from service.database import FAILURES, Database
from service.server import main
from service.settings import Settings

ATTEMPTS = 2


async def look() -> None:
    database = Database(Settings.from_environment())
    for _ in range(ATTEMPTS):
        try:
            pool = await database.connect()
        except FAILURES as error:
            logging.warning("the database does not answer: %s", error)
            await asyncio.sleep(0.1)
        else:
            await pool.close()
            return
    logging.critical("no database after %d attempts, giving up", ATTEMPTS)
    sys.exit(1)


logs.configure()
asyncio.run(look())
main()
