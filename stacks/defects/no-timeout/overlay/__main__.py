"""The reference, except that it waits for the database for ever, and takes a transaction to check it."""

from service import database
from service.server import main

database.CONNECT_LIMIT_S = database.QUERY_LIMIT_S = None
database.CLOSE_LIMIT_S = 0.5


async def check_in_transaction(self: database.Database) -> None:
    async with self.connection() as connection, connection.transaction():
        await connection.execute("SELECT 1")


database.Database.check = check_in_transaction
main()
