"""Start and stop: settings first, then the server, which listens before the database is there."""

import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from service import health, items, logs
from service.database import Database, Unavailable
from service.settings import PORT, Settings, SettingsError

log = logging.getLogger(__name__)

# Below the 10 s after which a container engine sends SIGKILL, with room to close the database connections.
DRAIN_LIMIT_S = 7


async def answer_unavailable(_request: Request, _error: Exception) -> JSONResponse:
    return JSONResponse(status_code=503, content={"detail": "database unavailable"})


def create_app(settings: Settings) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.ready = None
        app.state.database = Database(settings)
        app.state.database.start()
        yield
        log.info("requests are finished, closing the database connections")
        await app.state.database.stop()
        log.info("stopped")

    app = FastAPI(title="fastapi-postgres", lifespan=lifespan)
    app.include_router(health.router)
    app.include_router(items.router)
    app.add_exception_handler(Unavailable, answer_unavailable)
    return app


def main() -> None:
    logs.configure()
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        log.critical("settings: %s", error)
        sys.exit(1)
    uvicorn.run(
        create_app(settings),
        host="0.0.0.0",  # noqa: S104 - the container's own network namespace
        port=PORT,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=DRAIN_LIMIT_S,
    )
