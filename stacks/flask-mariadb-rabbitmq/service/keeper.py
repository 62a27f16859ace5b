"""A thread that keeps something connected: it connects with back-off, and starts over when the connection is lost.

Requests never connect while nothing is known to be there, so an outage can't turn traffic into a storm of attempts.
"""

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 2.0


class Unavailable(Exception):
    """A dependency can't be used now."""


class Keeper:
    """Calls `connect` until it succeeds, then `stay`, which returns when the connection is lost, and begins again."""

    def __init__(self, name: str, connect: Callable[[], None], stay: Callable[[], None], failures: tuple[type[Exception], ...]):
        self._name = name
        self._connect = connect
        self._stay = stay
        self._failures = failures
        self.stopping = threading.Event()
        # A daemon: a wait for a dependency that is frozen must not hold up the end of the process.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self, limit_s: float) -> None:
        self._thread.join(limit_s)

    def _run(self) -> None:
        while not self.stopping.is_set():
            self._connect_with_back_off()
            if self.stopping.is_set():
                return
            log.info("connected to the %s", self._name)
            self._stay()
            if not self.stopping.is_set():
                log.warning("lost the connection to the %s", self._name)

    def _connect_with_back_off(self) -> None:
        pause = FIRST_PAUSE_S
        while not self.stopping.is_set():
            try:
                return self._connect()
            except self._failures as error:
                reason = f"{type(error).__name__}: {error}".rstrip(": ")
                log.warning("%s is not available (%s), next attempt in %.2f s", self._name, reason, pause)
            self.stopping.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)
