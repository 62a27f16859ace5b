"""A gRPC service whose health follows that of its cache.

TLS             the folder of its key and certificate; without one it speaks no TLS
ALWAYS_SERVING  the defect of its twins: the health is set once
"""

import json
import os
import signal
import socket
import time
from concurrent import futures
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

NAME = "shop.Orders"
STATUS = health_pb2.HealthCheckResponse


def log(message, level="info", **fields):
    print(json.dumps({"time": time.strftime("%FT%TZ", time.gmtime()), "level": level, "message": message, **fields}), flush=True)


def cache_answers():
    """PING, in the protocol of Redis, within a second."""
    try:
        with socket.create_connection((os.environ["CACHE_HOST"], 6379), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def main():
    stops = (signal.SIGTERM, signal.SIGINT)
    # They are waited for, by the main thread alone.
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    servicer = health.HealthServicer()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    if os.environ.get("TLS"):
        key, certificate = (Path(os.environ["TLS"], file).read_bytes() for file in ("server-key.pem", "server.pem"))
        server.add_secure_port("[::]:50051", grpc.ssl_server_credentials([(key, certificate)]))
    else:
        server.add_insecure_port("[::]:50051")
    serving = bool(os.environ.get("ALWAYS_SERVING"))
    servicer.set(NAME, STATUS.SERVING if serving else STATUS.NOT_SERVING)
    server.start()
    log("listening", port=50051)
    while signal.sigtimedwait(stops, 0.3) is None:
        if not os.environ.get("ALWAYS_SERVING"):
            answers = cache_answers()
            if answers != serving:
                serving = answers
                servicer.set(NAME, STATUS.SERVING if serving else STATUS.NOT_SERVING)
                log("the cache answers" if serving else "the cache does not answer", level="info" if serving else "warning")
    log("stopping")
    servicer.enter_graceful_shutdown()
    server.stop(grace=5).wait()
    log("stopped")


main()
