"""The HTTP side. Liveness says that the process answers; readiness says that it can serve, which needs both dependencies."""

import json
import logging
from collections.abc import Callable

from flask import Flask, Response, jsonify, request

from service.broker import Broker
from service.database import Database
from service.keeper import Unavailable

log = logging.getLogger(__name__)

LONGEST_NAME = 200


def create_app(database: Database, broker: Broker) -> Flask:
    app = Flask(__name__)
    known: dict[str, bool] = {}

    def works(name: str, check: Callable[[], None]) -> bool:
        try:
            check()
            is_there = True
        except Unavailable:
            is_there = False
        if known.get(name) is not is_there:
            known[name] = is_there
            log.info("readiness changed", extra={"fields": {"dependency": name, "ready": is_there}})
        return is_there

    @app.get("/")
    def liveness() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/health")
    def readiness() -> tuple[Response, int]:
        checks = {"database": works("database", database.check), "broker": works("broker", broker.check)}
        ready = all(checks.values())
        body = {
            "status": "healthy" if ready else "degraded",
            "checks": {name: "ok" if is_there else "unavailable" for name, is_there in checks.items()},
        }
        return jsonify(body), 200 if ready else 503

    @app.get("/items")
    def list_items() -> Response:
        with database.connection() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT id, name, created_at FROM items ORDER BY id DESC LIMIT 100")
            return jsonify(cursor.fetchall())

    @app.post("/items")
    def add_item() -> tuple[Response, int]:
        body = request.get_json(silent=True)
        name = body.get("name") if isinstance(body, dict) else None
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
            return jsonify(error=f"name must have 1 to {LONGEST_NAME} characters"), 400
        with database.connection() as connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO items (name) VALUES (%s)", (name,))
            item = {"id": cursor.lastrowid, "name": name}
        broker.publish(json.dumps(item).encode())
        return jsonify(item), 201

    @app.errorhandler(Unavailable)
    def unavailable(_error: Unavailable) -> tuple[Response, int]:
        return jsonify(error="a dependency is unavailable"), 503

    return app
