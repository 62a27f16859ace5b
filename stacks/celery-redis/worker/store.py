"""The broker itself, in a few lines of its protocol: health checks begin often, and a client of Redis takes longer to load than to ask."""

import socket

from worker import settings

QUEUE = "celery"


def finished(task: str) -> str:
    """The key under which a task that is finished leaves its result."""
    return f"finished:{task}"


class Broker:
    """A connection; whatever goes wrong is an OSError."""

    def __init__(self, timeout: float):
        values = settings.read()
        self.stream = socket.create_connection((values["BROKER_HOST"], 6379), timeout).makefile("rwb")
        self.call("AUTH", values["BROKER_PASSWORD"])

    def call(self, *words: str):
        self.stream.write(f"*{len(words)}\r\n".encode())
        for word in words:
            self.stream.write(f"${len(word.encode())}\r\n{word}\r\n".encode())
        self.stream.flush()
        return self.reply()

    def reply(self):
        line = self.stream.readline()
        kind, rest = line[:1], line[1:].strip()
        if kind == b"$":
            return None if rest == b"-1" else self.stream.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        if kind in (b"+", b":"):
            return rest
        raise OSError(rest.decode() or "the connection is closed")
