"""The same API with one small difference, named by the first argument."""

import os
import sys

import service


def always_ready():
    """Readiness is a flag that was set at the start."""
    service.is_ready = lambda: True


def key_in_log():
    """Whoever reads the log can use the API."""
    service.Handler.log_message = lambda handler, *_: service.log("request", key=handler.headers.get("X-API-Key"))


def drops_in_flight():
    """The end comes at once, whatever is under way."""
    waits = service.wait_for_stop
    service.wait_for_stop = lambda: (waits(), os._exit(0))


if __name__ == "__main__":
    {"always-ready": always_ready, "key-in-log": key_in_log, "drops-in-flight": drops_in_flight}[sys.argv[1]]()
    service.main()
