"""Whether the worker consumes, and its broker answers. The heartbeat alone stays young beside a broker that is frozen."""

import signal
import sys
import time

import redis

from worker import settings
from worker.heartbeat import EVERY, FILE

# For each step, and for all of them: a login and a question over a slow network are several.
TIMEOUT = 2
LIMIT = 3


def main() -> None:
    signal.alarm(LIMIT)
    try:
        age = time.time() - FILE.stat().st_mtime
    except FileNotFoundError:
        sys.exit("the worker does not consume")
    if age > 4 * EVERY:
        sys.exit(f"the worker has not consumed for {age:.0f} s")
    values = settings.read()
    broker = redis.Redis(
        values["BROKER_HOST"],
        password=values["BROKER_PASSWORD"],
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        retry=redis.retry.Retry(redis.backoff.NoBackoff(), 0),
    )
    try:
        broker.ping()
    except redis.RedisError as error:
        sys.exit(f"the broker does not answer: {error}")


main()
