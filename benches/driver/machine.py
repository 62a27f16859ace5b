"""What the numbers were measured on."""

import json
import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

from driver import engine
from driver.places import PROJECT, Failed, output


def describe(program: Path) -> dict[str, str]:
    """One line for each row of the page's first table."""
    memory_kib = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1])
    model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    server = json.loads(output("docker", "version", "--format", "{{json .Server}}"))
    return {
        "date": now(),
        "cores": f"{os.cpu_count()}" + (f" ({model[1]})" if model else ""),
        "memory": f"{memory_kib / 2**20:.1f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "engine": f"Docker {server['Version']}, Compose {output('docker', 'compose', 'version', '--short').strip()}",
        "base images": "stand-ins from Debian packages" if engine.is_stand_in("postgres:15-bookworm") else "official",
        "Seaworthy": f"{version(program)}{commit()}",
    }


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def version(program: Path) -> str:
    return output(str(program), "--version").split()[-1] if program.exists() else "not built"


def commit() -> str:
    """The last that changed what runs, and whether more was changed since; nothing where the sources are not in a repository."""
    sources = ("src", "tap", "features", "Cargo.toml", "Cargo.lock")
    try:
        name = output("git", "log", "--max-count=1", "--format=%h", "--", *sources, cwd=PROJECT).strip()
        changed = output("git", "status", "--porcelain", "--", *sources, cwd=PROJECT).strip()
    except Failed:
        return ""
    return f", commit {name}" + (" with changes" if changed else "")


def load() -> float:
    """How many processes wanted a core in the last minute: on a quiet machine, before a run, near 0."""
    return os.getloadavg()[0]
