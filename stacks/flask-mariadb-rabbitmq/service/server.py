"""Gunicorn, as a library: one worker with threads, which owns the connections from its start to its end."""

import logging

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from service.app import create_app
from service.broker import Broker
from service.database import Database
from service.settings import Settings

log = logging.getLogger(__name__)


class JsonLogger(Logger):
    """Leaves the format to the handler of this process, which writes JSON."""

    def setup(self, cfg: object) -> None:
        self.loglevel = logging.INFO
        self.error_log.handlers = []
        self.error_log.propagate = True


class Service(BaseApplication):
    def __init__(self, settings: Settings, options: dict[str, object]) -> None:
        self._options = options
        self._database = Database(settings.database)
        self._broker = Broker(settings.broker)
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)
        self.cfg.set("post_worker_init", lambda _worker: self._open())
        self.cfg.set("worker_exit", lambda _server, _worker: self._close())

    def load(self) -> Flask:
        return create_app(self._database, self._broker)

    def _open(self) -> None:
        self._database.start()
        self._broker.start()

    def _close(self) -> None:
        log.info("requests are finished, closing the connections")
        self._broker.stop()
        self._database.stop()
        log.info("stopped")


def serve(settings: Settings, port: int, threads: int, drain_limit_s: int) -> None:
    # What the client of the broker meets is told by the keeper, in one line.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    options = {
        "bind": f"0.0.0.0:{port}",
        "workers": 1,
        "worker_class": "gthread",
        "threads": threads,
        "graceful_timeout": drain_limit_s,
        "worker_tmp_dir": "/tmp",
        "logger_class": JsonLogger,
        "control_socket_disable": True,
    }
    Service(settings, options).run()
