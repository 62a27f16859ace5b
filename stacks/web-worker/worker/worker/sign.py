"""The sign of life: a file that is touched after each round of work, and taken away when the database is lost."""

from pathlib import Path

SIGN = Path("/tmp/works")  # noqa: S108 - a tmpfs of the container's own
LONGEST_SILENCE_S = 4
