"""How gunicorn serves: its settings, by the names that it gives them."""

import json
import logging
from datetime import datetime, timezone


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record):
        line = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


bind = "0.0.0.0:5000"
workers = 2
threads = 4
worker_class = "gthread"
worker_tmp_dir = "/dev/shm"
# Less than Docker's ten seconds until SIGKILL.
graceful_timeout = 8
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": JsonLines}},
    "handlers": {"out": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "json"}},
    "root": {"level": "INFO", "handlers": ["out"]},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "handlers": ["out"], "propagate": False},
        "gunicorn.access": {"level": "WARNING", "handlers": ["out"], "propagate": False},
    },
}
