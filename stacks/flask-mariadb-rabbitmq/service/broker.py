"""The broker: one connection, owned by one thread, because the client's connections are not for several threads.

Requests hand their work to that thread and wait for it, never longer than the limit.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError

from service.keeper import Keeper, Unavailable
from service.settings import Server

LIMIT_S = 2.0
# A broker that says nothing for so long, and some seconds more, is given up.
HEARTBEAT_S = 4
QUEUE = "items"

FAILURES = (OSError, AMQPError, TimeoutError)


class Broker:
    def __init__(self, server: Server) -> None:
        self._parameters = pika.ConnectionParameters(
            host=server.host,
            port=server.port,
            virtual_host=server.name,
            credentials=pika.PlainCredentials(server.user, server.password),
            heartbeat=HEARTBEAT_S,
            socket_timeout=LIMIT_S,
            stack_timeout=2 * LIMIT_S,
            blocked_connection_timeout=LIMIT_S,
            # Unanswered packets end the connection as soon as an unanswered question would.
            tcp_options={"TCP_USER_TIMEOUT": int(LIMIT_S * 1000)},
            client_properties={"connection_name": "flask-mariadb-rabbitmq"},
        )
        self._connection: pika.BlockingConnection | None = None
        self._channel: BlockingChannel | None = None
        # Whether the thread is still busy with something that nobody waits for any more.
        self._is_stuck = threading.Event()
        self._keeper = Keeper(f"broker {server.host}", self._connect, self._serve, FAILURES)

    def start(self) -> None:
        self._keeper.start()

    def stop(self) -> None:
        self._keeper.stopping.set()
        connection = self._connection
        if connection is not None:
            with suppress(Exception):
                connection.add_callback_threadsafe(lambda: None)
        self._keeper.join(LIMIT_S)

    def publish(self, body: bytes) -> None:
        """Returns when the broker has confirmed the message; raises Unavailable otherwise."""
        properties = pika.BasicProperties(content_type="application/json", delivery_mode=pika.DeliveryMode.Persistent)
        self._do(lambda channel: channel.basic_publish("", QUEUE, body, properties, mandatory=True))

    def check(self) -> None:
        """Proves with a question that the broker answers; raises Unavailable otherwise."""
        self._do(lambda channel: channel.queue_declare(QUEUE, passive=True))

    def _do(self, work: Callable[[BlockingChannel], object]) -> None:
        connection, channel = self._connection, self._channel
        if connection is None or channel is None or self._is_stuck.is_set():
            raise Unavailable("not connected")
        done: Future[object] = Future()

        def run() -> None:
            # Whoever asked may have given up meanwhile.
            if not done.set_running_or_notify_cancel():
                return
            try:
                done.set_result(work(channel))
            except FAILURES as error:
                done.set_exception(error)
                raise
            finally:
                self._is_stuck.clear()

        try:
            connection.add_callback_threadsafe(run)
            done.result(LIMIT_S)
        except TimeoutError as error:
            if not done.cancel() and not done.done():
                self._is_stuck.set()
            raise Unavailable("no answer in time") from error
        except FAILURES as error:
            raise Unavailable(type(error).__name__) from error

    def _connect(self) -> None:
        connection = pika.BlockingConnection(self._parameters)
        try:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.queue_declare(QUEUE, durable=True)
        except BaseException:
            with suppress(Exception):
                connection.close()
            raise
        self._is_stuck.clear()
        self._connection, self._channel = connection, channel

    def _serve(self) -> None:
        connection = self._connection
        assert connection is not None
        try:
            while not self._keeper.stopping.is_set():
                connection.process_data_events(time_limit=1.0)
        except FAILURES:
            pass
        finally:
            self._connection = self._channel = None
            with suppress(Exception):
                connection.close()
