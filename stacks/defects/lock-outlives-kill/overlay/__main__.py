"""The reference, except that it takes a lock file, which it removes when it is told to stop, and does not start beside one."""

import os
import signal
import sys
from pathlib import Path

from service.server import main

LOCK = Path.home() / "service.lock"

if LOCK.exists():
    sys.exit(f"{LOCK} is there: the service runs already")
# The server sends itself the signal again when it is done.
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: sys.exit(0))
try:
    LOCK.write_text(str(os.getpid()))
    main()
finally:
    LOCK.unlink()
