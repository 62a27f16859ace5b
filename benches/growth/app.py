"""A small service that needs any number of Redis servers, and is ready when each of them answers.

DEPENDENCIES names them. One task for each keeps a connection and asks `PING` on it; requests only read what the tasks know.
"""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime

PORT = 8000
REDIS_PORT = 6379
PING_EVERY_S = 0.25
# For connecting as for an answer: a frozen dependency must look like a dead one.
ANSWER_LIMIT_S = 1.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 2.0
DRAIN_LIMIT_S = 5.0


def log(level: str, message: str) -> None:
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    print(json.dumps({"time": time, "level": level, "message": message}), flush=True)


class Dependency:
    def __init__(self, host: str) -> None:
        self.host = host
        self.is_there = False

    async def keep_connected(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            try:
                await self.ping_until_lost()
            except (OSError, TimeoutError, EOFError) as error:
                was_there, self.is_there = self.is_there, False
                if was_there:
                    pause = FIRST_PAUSE_S
                log("warning", f"{self.host} is not available ({type(error).__name__}), next attempt in {pause} s")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def ping_until_lost(self) -> None:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(self.host, REDIS_PORT), ANSWER_LIMIT_S)
        try:
            while True:
                writer.write(b"PING\r\n")
                answer = await asyncio.wait_for(reader.readline(), ANSWER_LIMIT_S)
                if answer != b"+PONG\r\n":
                    raise EOFError
                if not self.is_there:
                    self.is_there = True
                    log("info", f"connected to {self.host}")
                await asyncio.sleep(PING_EVERY_S)
        finally:
            writer.transport.abort()


def answer(path: str, dependencies: list[Dependency]) -> tuple[str, object]:
    if path == "/":
        return "200 OK", {"status": "alive"}
    if path != "/health":
        return "404 Not Found", {"status": "unknown"}
    checks = {dependency.host: "ok" if dependency.is_there else "unavailable" for dependency in dependencies}
    is_ready = all(dependency.is_there for dependency in dependencies)
    return "200 OK" if is_ready else "503 Service Unavailable", {"checks": checks}


async def main() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    names = os.environ.get("DEPENDENCIES", "").split()
    if not names:
        log("error", "DEPENDENCIES is not set")
        sys.exit(1)
    dependencies = [Dependency(name) for name in names]
    keepers = [asyncio.create_task(dependency.keep_connected()) for dependency in dependencies]
    in_flight: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        in_flight.add(task)
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), DRAIN_LIMIT_S)
            status, body = answer(head.split(b" ", 2)[1].decode(), dependencies)
            text = json.dumps(body).encode()
            fields = f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\nConnection: close"
            writer.write(f"HTTP/1.1 {status}\r\n{fields}\r\n\r\n".encode() + text)
            await writer.drain()
        except (OSError, TimeoutError, EOFError, IndexError, asyncio.LimitOverrunError):
            pass  # the client is gone, or speaks no HTTP
        finally:
            writer.close()
            in_flight.discard(task)

    server = await asyncio.start_server(serve, "0.0.0.0", PORT)
    log("info", f"listening on port {PORT}")
    await stop.wait()
    log("info", "stopping")
    server.close()
    if in_flight:
        await asyncio.wait(in_flight, timeout=DRAIN_LIMIT_S)
    for keeper in keepers:
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper
    log("info", "stopped")


asyncio.run(main())
