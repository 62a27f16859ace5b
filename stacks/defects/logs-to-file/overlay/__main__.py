"""The reference, except that it logs to a file."""

import logging

from service import logs
from service.server import main


def configure() -> None:
    handler = logging.FileHandler("/tmp/service.log")
    handler.setFormatter(logs.JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


logs.configure = configure
main()
