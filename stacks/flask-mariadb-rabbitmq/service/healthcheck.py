"""The image's health check: exit code 0 when readiness answers 200. Needs no curl, and starts without the framework."""

import http.client
import sys

from service.settings import PORT

LIMIT_S = 4

connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=LIMIT_S)
try:
    connection.request("GET", "/health")
    sys.exit(0 if connection.getresponse().status == 200 else 1)
except OSError:
    sys.exit(1)
