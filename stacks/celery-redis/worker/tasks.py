"""What the worker does."""

import time

from worker.app import app
from worker.store import Broker, finished


@app.task(bind=True)
def count(self, text: str) -> None:
    """Counts words, and takes its time."""
    time.sleep(8)
    Broker(timeout=2).call("SET", finished(self.request.id), str(len(text.split())))
