"""The reference, except that a second SIGTERM ends it at once."""

import os
import signal

from service.database import Database
from service.server import main

start = Database.start


def start_and_count(self: Database) -> None:
    # The server has installed its own handler by now.
    first = signal.getsignal(signal.SIGTERM)

    def handle(number: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(1))
        first(number, frame)

    signal.signal(signal.SIGTERM, handle)
    start(self)


Database.start = start_and_count
main()
