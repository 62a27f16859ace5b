"""Settings from the environment: all are read at the start, and all that are missing are told at once. And what two modules share."""

import os
import sys
from pathlib import Path

# Written every so many seconds while the worker consumes.
HEARTBEAT = Path("/tmp/consuming")
BEAT = 1.0


def read() -> dict[str, str]:
    names = ("BROKER_HOST", "BROKER_PASSWORD")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        sys.exit(f'{{"level": "error", "message": "missing in the environment: {", ".join(missing)}"}}')
    return {name: os.environ[name] for name in names}
