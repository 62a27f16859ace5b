"""The reference, except that it knows one user."""

import os
import sys

from service.server import main

if os.getuid() != 10001:
    sys.exit(f"the service runs as 10001, not as {os.getuid()}")
main()
