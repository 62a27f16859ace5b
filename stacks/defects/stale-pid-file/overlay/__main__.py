"""The reference, except that it leaves a pid file, and does not start beside one."""

import os
import sys
from pathlib import Path

from service.server import main

PID_FILE = Path.home() / "service.pid"

if PID_FILE.exists():
    sys.exit(f"{PID_FILE} is there: the service runs already")
PID_FILE.write_text(str(os.getpid()))
main()
