"""The reference, except that its stop waits until every client has closed its connection, as servers do that only stop to accept."""

import functools

import uvicorn
from uvicorn.protocols.http import h11_impl

from service import server

try:
    from uvicorn.protocols.http import httptools_impl

    httptools_impl.HttpToolsProtocol.shutdown = lambda _: None
except ImportError:
    pass
h11_impl.H11Protocol.shutdown = lambda _: None

FOR_EVER_S = 3600
server.DRAIN_LIMIT_S = FOR_EVER_S
uvicorn.run = functools.partial(uvicorn.run, timeout_keep_alive=FOR_EVER_S)
server.main()
