"""Liveness says that the process answers; readiness says that it can serve, which needs the database."""

import logging

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from service.database import Unavailable

log = logging.getLogger(__name__)
router = APIRouter()


@router.get("/")
async def liveness() -> dict[str, str]:
    return {"status": "alive"}


@router.get("/health")
async def readiness(request: Request) -> JSONResponse:
    state = request.app.state
    try:
        await state.database.check()
        ready = True
    except Unavailable:
        ready = False
    if ready is not state.ready:
        state.ready = ready
        log.info("readiness changed", extra={"fields": {"ready": ready}})
    return JSONResponse(
        status_code=200 if ready else 503,
        content={
            "status": "healthy" if ready else "degraded",
            "checks": {"database": "ok" if ready else "unavailable"},
        },
    )
