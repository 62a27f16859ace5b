"""The reference, except that its 503 shows how it connects."""

import os

from fastapi.responses import JSONResponse

from service import health
from service.server import main


def answer(status_code: int, content: dict[str, object]) -> JSONResponse:
    if status_code != 200:
        content["error"] = "can't connect to postgresql://{DB_USER}@{DB_HOST}/{DB_NAME}".format_map(os.environ)
    return JSONResponse(status_code=status_code, content=content)


health.JSONResponse = answer
main()
