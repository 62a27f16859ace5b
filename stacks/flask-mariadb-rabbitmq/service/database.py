"""The database: a small pool whose connections are proved before they are lent out, and thrown away when a statement fails."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pymysql
from pymysql.cursors import DictCursor

from service.keeper import Keeper, Unavailable
from service.settings import Server

# Every wait for the database has a limit: a frozen one must look like a dead one.
LIMIT_S = 2.0
POOL_SIZE = 8

FAILURES = (OSError, pymysql.MySQLError)
# A statement that the server rejects says nothing about the connection.
REJECTED = (pymysql.DataError, pymysql.IntegrityError)


class Database:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._idle: queue.LifoQueue[pymysql.Connection] = queue.LifoQueue()
        self._slots = threading.BoundedSemaphore(POOL_SIZE)
        self._is_there = threading.Event()
        self._lost = threading.Event()
        self._keeper = Keeper(f"database {server.host}", self._open_first, self._stay, FAILURES)

    def start(self) -> None:
        self._keeper.start()

    def stop(self) -> None:
        self._keeper.stopping.set()
        self._is_there.clear()
        self._lost.set()
        self._keeper.join(LIMIT_S)
        self._drop_idle()

    @contextmanager
    def connection(self) -> Iterator[pymysql.Connection]:
        """A connection from the pool that has just answered; raises Unavailable within the limit when there is none to be had."""
        if not self._is_there.is_set():
            raise Unavailable("not connected")
        if not self._slots.acquire(timeout=LIMIT_S):
            raise Unavailable("all connections are taken")
        connection = None
        try:
            connection = self._take()
            yield connection
            self._idle.put(connection)
        except REJECTED:
            self._idle.put(connection)
            raise
        except FAILURES as error:
            self._throw_away(connection)
            self._is_there.clear()
            self._lost.set()
            raise Unavailable(type(error).__name__) from error
        except BaseException:
            self._throw_away(connection)
            raise
        finally:
            self._slots.release()

    def check(self) -> None:
        """Proves with a query that the database answers; raises Unavailable otherwise."""
        with self.connection() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    def _take(self) -> pymysql.Connection:
        with suppress(queue.Empty):
            while True:
                connection = self._idle.get_nowait()
                try:
                    connection.ping(reconnect=False)
                    return connection
                except FAILURES as error:
                    self._throw_away(connection)
                    # The server took its time and did not answer: another connection would not fare better.
                    if "timed out" in str(error):
                        raise
        return self._connect()

    def _connect(self) -> pymysql.Connection:
        return pymysql.connect(
            host=self._server.host,
            port=self._server.port,
            user=self._server.user,
            password=self._server.password,
            database=self._server.name,
            connect_timeout=LIMIT_S,
            read_timeout=LIMIT_S,
            write_timeout=LIMIT_S,
            autocommit=True,
            cursorclass=DictCursor,
        )

    def _open_first(self) -> None:
        connection = self._connect()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        self._idle.put(connection)
        self._lost.clear()
        self._is_there.set()

    def _stay(self) -> None:
        self._lost.wait()
        self._drop_idle()

    def _drop_idle(self) -> None:
        with suppress(queue.Empty):
            while True:
                self._throw_away(self._idle.get_nowait())

    @staticmethod
    def _throw_away(connection: pymysql.Connection | None) -> None:
        # Closing says goodbye to the server, which may not be there.
        if connection is not None:
            with suppress(Exception):
                connection.close()
