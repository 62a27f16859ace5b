"""The reference, except that a stop that was asked for ends with the status of a failure."""

import sys

from service.server import main

main()
sys.exit(1)
