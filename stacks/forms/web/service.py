"""An API that is ready when its cache answers, where it has one.

TLS=1         it speaks HTTPS, with a certificate that it makes for itself at its start
ALLOWED_HOST  it answers 400 to requests for another host
API_KEY       it answers 401 to requests without this X-API-Key
"""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 8000
STOPS = (signal.SIGTERM, signal.SIGINT)
CACHE = os.environ.get("CACHE_HOST")
KEY, CERTIFICATE = "/tmp/key.pem", "/tmp/certificate.pem"


def log(message, level="info", **fields):
    print(json.dumps({"time": time.strftime("%FT%TZ", time.gmtime()), "level": level, "message": message, **fields}), flush=True)


def cache_answers():
    """PING, in the protocol of Redis, within a second."""
    try:
        with socket.create_connection((CACHE, 6379), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def is_ready():
    return CACHE is None or cache_answers()


class Handler(BaseHTTPRequestHandler):
    timeout = 5

    def do_GET(self):
        status, answer = self.answer()
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer(self):
        host = os.environ.get("ALLOWED_HOST")
        if host and self.headers.get("Host") != host:
            return 400, {"error": "not a host of this service"}
        key = os.environ.get("API_KEY")
        if key and self.headers.get("X-API-Key") != key:
            return 401, {"error": "a key is missing"}
        if self.path == "/health":
            ready = is_ready()
            return (200, {"cache": "ok"}) if ready else (503, {"cache": "unavailable"})
        # A little work, so that some request is always under way.
        time.sleep(0.8)
        return 200, {"hello": "world"}

    def log_message(self, *_):
        """Requests are the business of the proxy in front."""


class Server(ThreadingHTTPServer):
    # Requests that are under way are waited for at the end.
    daemon_threads = False
    request_queue_size = 64

    def handle_error(self, *_):
        """A client that hung up, or spoke something else."""


def certificate():
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"]
        + ["-subj", "/CN=shop.test", "-addext", "subjectAltName=DNS:shop.test", "-keyout", KEY, "-out", CERTIFICATE],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    return context


def wait_for_stop():
    signal.sigwait(STOPS)


def main():
    # They are waited for, by the main thread alone.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    log("starting")
    server = Server(("", PORT), Handler)
    if os.environ.get("TLS"):
        server.socket = certificate().wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
    log("listening", port=PORT)
    wait_for_stop()
    log("stopping")
    server.shutdown()
    server.server_close()
    log("stopped")


if __name__ == "__main__":
    sys.exit(main())
