"""Where things are, and how a command is run to its end."""

import subprocess
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PEERS = PROJECT / "benches/peers"
STACKS = PROJECT / "stacks"
WORK = PROJECT / "target/bench"
PAGE = PROJECT / "docs/benchmarks.md"


class Failed(Exception):
    """What could not be done, in words for whoever started the bench."""


def output(*command: str, **options) -> str:
    """What a command writes; raises `Failed` with what it says when it does not succeed."""
    try:
        done = subprocess.run(command, text=True, capture_output=True, check=False, **options)
    except FileNotFoundError as error:
        raise Failed(f"{command[0]} is not installed") from error
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def show(*command: str, **options) -> None:
    """Runs a command whose progress is worth seeing."""
    if subprocess.run(command, check=False, **options).returncode != 0:
        raise Failed(f"{' '.join(map(str, command))} failed")
