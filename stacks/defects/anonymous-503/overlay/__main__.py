"""The reference, except that its 503 does not say what is missing."""

from fastapi.responses import JSONResponse

from service import health
from service.server import main


def answer(status_code: int, content: dict[str, object]) -> JSONResponse:
    return JSONResponse(status_code=status_code, content={"status": content["status"]})


health.JSONResponse = answer
main()
