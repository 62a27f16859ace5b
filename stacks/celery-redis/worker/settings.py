"""Settings from the environment: all are read at the start, and all that are missing are told at once."""

import os
import sys


def read() -> dict[str, str]:
    names = ("BROKER_HOST", "BROKER_PASSWORD")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        sys.exit(f'{{"level": "error", "message": "missing in the environment: {", ".join(missing)}"}}')
    return {name: os.environ[name] for name in names}
