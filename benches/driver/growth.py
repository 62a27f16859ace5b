"""Stacks that grow: one small app (`benches/growth`) and as many Redis servers as are asked for."""

import json
import shutil
from pathlib import Path

from driver.places import PROJECT, WORK

SIZES = (1, 2, 4, 8)
APP = PROJECT / "benches/growth"


def make_stack(size: int) -> Path:
    """Writes the stack and returns its folder. JSON is YAML, too."""
    folder = WORK / f"growth-{size}"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("Dockerfile", "app.py"):
        shutil.copy(APP / name, folder / name)
    (folder / "compose.yaml").write_text(json.dumps(compose(size), indent=2) + "\n")
    return folder


def compose(size: int) -> dict:
    caches = [f"cache-{number}" for number in range(1, size + 1)]
    cache = {
        "image": "redis:7.0-bookworm",
        "command": ["redis-server", "--save", "", "--appendonly", "no"],
        "healthcheck": {"test": ["CMD", "redis-cli", "ping"], "interval": "1s", "timeout": "5s", "retries": 10},
    }
    app = {
        "build": ".",
        "init": True,
        "environment": {"DEPENDENCIES": " ".join(caches)},
        "depends_on": {name: {"condition": "service_healthy"} for name in caches},
        "deploy": {"resources": {"limits": {"memory": "256M", "cpus": "1.0", "pids": 100}}},
    }
    contract = {
        "app": "app",
        "port": 8000,
        "readiness": "/health",
        "liveness": "/",
        "dependencies": caches,
        "waivers": [{"check": "image.multi-stage", "reason": "one file of Python, of which nothing is built"}],
    }
    return {"services": {"app": app, **{name: cache for name in caches}}, "x-seaworthy": contract}
