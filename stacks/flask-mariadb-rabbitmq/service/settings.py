"""Settings from the environment, validated before anything else happens.

Each setting NAME may instead be given as NAME_FILE, the path of a file that holds the value, as secret managers mount it.
"""

import os
from dataclasses import dataclass
from pathlib import Path

PORT = 8000


class SettingsError(Exception):
    """What is missing or wrong, in words for the operator."""


@dataclass(frozen=True)
class Server:
    host: str
    port: int
    user: str
    password: str
    # The database, or the broker's virtual host.
    name: str


@dataclass(frozen=True)
class Settings:
    database: Server
    broker: Server

    @classmethod
    def from_environment(cls) -> "Settings":
        problems: list[str] = []

        def read(name: str, default: str | None = None) -> str:
            value = os.environ.get(name)
            path = os.environ.get(f"{name}_FILE")
            if not value and path:
                try:
                    value = Path(path).read_text().strip()
                except OSError as error:
                    problems.append(f"{name}_FILE can't be read: {error}")
                    return ""
            if value:
                return value
            if default is None:
                problems.append(f"{name} (or {name}_FILE) is not set")
            return default or ""

        def port(name: str, default: str) -> int:
            text = read(name, default)
            if not text.isdecimal():
                problems.append(f"{name} is not a number: {text!r}")
                return 0
            return int(text)

        settings = cls(
            database=Server(
                host=read("DB_HOST", "db"),
                port=port("DB_PORT", "3306"),
                user=read("DB_USER", "app_user"),
                password=read("DB_PASSWORD"),
                name=read("DB_NAME", "app_db"),
            ),
            broker=Server(
                host=read("BROKER_HOST", "broker"),
                port=port("BROKER_PORT", "5672"),
                user=read("BROKER_USER", "app_user"),
                password=read("BROKER_PASSWORD"),
                name=read("BROKER_VHOST", "/"),
            ),
        )
        if problems:
            raise SettingsError("; ".join(problems))
        return settings
