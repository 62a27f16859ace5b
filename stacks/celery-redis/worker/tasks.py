"""What the worker does."""

import time

from worker.app import app


@app.task
def count(words: str) -> int:
    """A task that takes a while."""
    time.sleep(3)
    return len(words.split())
