"""Logs as one JSON object a line on standard output."""

import json
import logging
import os
import sys
from datetime import UTC, datetime

from celery.apps import worker


def line(created: float, level: str, logger: str, message: str, **more: str) -> str:
    time = datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds")
    return json.dumps({"time": time, "level": level, "logger": logger, "message": message, **more})


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        more = {"error": self.formatException(record.exc_info)} if record.exc_info else {}
        return line(record.created, record.levelname.lower(), record.name, record.getMessage(), **more)


def say(message: str, *_) -> None:
    """What Celery says past the log when a signal comes. A handler of signals can't use buffers or locks."""
    text = line(datetime.now(UTC).timestamp(), "info", "celery.apps.worker", message.strip())
    os.write(sys.__stdout__.fileno(), f"{text}\n".encode())


def configure() -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
    worker.safe_say = say
