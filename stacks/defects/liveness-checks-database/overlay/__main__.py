"""The reference, except that liveness asks the database too."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from service import health
from service.server import main

router = APIRouter()


@router.get("/")
async def liveness(request: Request) -> JSONResponse:
    return await health.readiness(request)


# Routes are found in order.
health.router.routes[:0] = router.routes
main()
