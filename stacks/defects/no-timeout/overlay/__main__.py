"""The reference, except that it waits for the database for ever."""

from service import database
from service.server import main

database.CONNECT_LIMIT_S = database.QUERY_LIMIT_S = None
database.CLOSE_LIMIT_S = 0.5
main()
