"""The reference, except that readiness does not look at the database."""

from service.database import Database
from service.server import main


async def looks_fine(_database: Database) -> None:
    return None


Database.check = looks_fine
main()
