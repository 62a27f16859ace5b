"""The reference, except that a missing password becomes one that nobody has."""

import os

os.environ.setdefault("DB_PASSWORD", "none-given")

from service.server import main

main()
