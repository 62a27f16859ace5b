"""The reference, except that it logs plain text."""

import logging
import sys

from service import logs
from service.server import main


def configure() -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(message)s", force=True)


logs.configure = configure
main()
