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
class Settings:
    db_host: str
    db_port: int
    db_name: str
    db_user: str
    db_password: str

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

        port = read("DB_PORT", "5432")
        if not port.isdecimal():
            problems.append(f"DB_PORT is not a number: {port!r}")
        settings = cls(
            db_host=read("DB_HOST", "db"),
            db_port=int(port) if port.isdecimal() else 0,
            db_name=read("DB_NAME", "app_db"),
            db_user=read("DB_USER", "app_user"),
            db_password=read("DB_PASSWORD"),
        )
        if problems:
            raise SettingsError("; ".join(problems))
        return settings
