"""The reference, except that it logs all of its settings whenever it connects."""

from service.database import Database, log
from service.server import main

connect = Database.connect


async def tell_and_connect(self: Database) -> object:
    log.info("connecting with %s", self._settings)
    return await connect(self)


Database.connect = tell_and_connect
main()
