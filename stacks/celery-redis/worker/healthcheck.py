"""Whether the worker consumes, and its broker answers. The heartbeat alone stays young beside a broker that is frozen."""

import signal
import sys
import time

from worker.settings import BEAT, HEARTBEAT
from worker.store import Broker

# For each step, and for all of them: over a slow network a login and a question take several times as long.
TIMEOUT = 2
LIMIT = 3


def main() -> None:
    signal.alarm(LIMIT)
    try:
        age = time.time() - HEARTBEAT.stat().st_mtime
    except FileNotFoundError:
        sys.exit("the worker does not consume")
    if age > 4 * BEAT:
        sys.exit(f"the worker has not consumed for {age:.0f} s")
    try:
        Broker(TIMEOUT).call("PING")
    except OSError as error:
        sys.exit(f"the broker does not answer: {error}")


main()
