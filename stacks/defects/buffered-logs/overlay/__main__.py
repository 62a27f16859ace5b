"""The reference, except that what it writes while it stops stays in a buffer that nobody flushes."""

import logging
import os
import sys

from service import logs
from service.server import main

configure = logs.configure


class Buffered(logging.StreamHandler):
    is_stopping = False

    def emit(self, record: logging.LogRecord) -> None:
        self.is_stopping = self.is_stopping or record.getMessage() == "Shutting down"
        super().emit(record)

    def flush(self) -> None:
        if not self.is_stopping:
            super().flush()


def configure_with_buffer() -> None:
    configure()
    handler = Buffered(open(sys.stdout.fileno(), "w", buffering=65536, closefd=False))
    handler.setFormatter(logs.JsonFormatter())
    logging.getLogger().handlers = [handler]


logs.configure = configure_with_buffer
status = 0
try:
    main()
except SystemExit as error:
    status = int(error.code or 0)
os._exit(status)
