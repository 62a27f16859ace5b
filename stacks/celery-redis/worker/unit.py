"""One unit of work, for whoever wants to see that none is lost: `put` puts it in, `done` says whether it is finished or in its queue."""

import os
import sys

from worker.store import QUEUE, Broker, finished

TASK = f"unit-{os.environ.get('SEAWORTHY_UNIT', '0')}"


def put() -> None:
    # Only who puts work in needs Celery, which takes a second to load.
    from worker.tasks import count

    count.apply_async(["one two three"], task_id=TASK)


def done() -> None:
    broker = Broker(timeout=2)
    waits = any(TASK.encode() in message for message in broker.call("LRANGE", QUEUE, "0", "-1"))
    if not waits and broker.call("EXISTS", finished(TASK)) != b"1":
        sys.exit(f"{TASK} is neither finished nor in its queue")


{"put": put, "done": done}[sys.argv[1]]()
