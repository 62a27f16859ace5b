"""Containers of the app and its database, with the settings of the compose file."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import ExecWaitStrategy

SCHEMA = Path(__file__).parents[3] / "stacks/fastapi-postgres/db/schema.sql"
IS_ACCEPTING = ["pg_isready", "--quiet", "--host", "127.0.0.1", "--username", "app_user", "--dbname", "app_db"]
UNLESS_STOPPED = {"Name": "unless-stopped"}


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@dataclass
class App:
    container: DockerContainer

    def status(self, path: str = "/health") -> int | None:
        """None when nobody answers; a container that is not running has no port."""
        try:
            url = f"http://{self.container.get_container_host_ip()}:{self.container.get_exposed_port(8000)}{path}"
            return requests.get(url, timeout=5).status_code
        except (requests.RequestException, ConnectionError):
            return None

    def is_alive(self) -> bool:
        return self.status("/") == 200

    def is_ready(self) -> bool:
        return self.status() == 200

    def process(self) -> tuple[str, int]:
        """Changes when the app is started again."""
        container = self.container.get_wrapped_container()
        container.reload()
        return container.attrs["State"]["StartedAt"], container.attrs["RestartCount"]


@contextmanager
def start_app(network: Network) -> Iterator[App]:
    container = (
        DockerContainer(os.environ["APP_IMAGE"])
        .with_network(network)
        .with_envs(DB_HOST="db", DB_PORT="5432", DB_NAME="app_db", DB_USER="app_user", DB_PASSWORD="secret")
        .with_exposed_ports(8000)
        .with_tmpfs_mount("/tmp")
        .with_kwargs(
            init=True,
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges:true"],
            mem_limit="512m",
            nano_cpus=1_000_000_000,
            pids_limit=100,
            restart_policy=UNLESS_STOPPED,
        )
    )
    with container:
        yield App(container)


def database(network: Network) -> DockerContainer:
    return (
        DockerContainer("postgres:15-bookworm")
        .with_network(network)
        .with_network_aliases("db")
        .with_envs(POSTGRES_DB="app_db", POSTGRES_USER="app_user", POSTGRES_PASSWORD="secret")
        .with_volume_mapping(SCHEMA, "/docker-entrypoint-initdb.d/schema.sql")
        .with_kwargs(restart_policy=UNLESS_STOPPED)
    )


def accepts(db: DockerContainer) -> bool:
    return db.exec(IS_ACCEPTING).exit_code == 0


@dataclass
class Stack:
    app: App
    db: DockerContainer


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as network:
        yield network


@pytest.fixture
def app_alone(network: Network) -> Iterator[App]:
    with start_app(network) as app:
        yield app


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Everything, ready; shared by the tests that leave it as it was, and the one that comes last."""
    is_accepting = ExecWaitStrategy(IS_ACCEPTING).with_poll_interval(0.1)
    with Network() as network, database(network).waiting_for(is_accepting) as db, start_app(network) as app:
        assert wait_until(app.is_ready, 60), "the app is not ready"
        yield Stack(app, db)
