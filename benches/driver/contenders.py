"""Who is measured: Seaworthy, and the same five checks written by hand with other tools (`benches/peers`)."""

import hashlib
import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from driver.places import PEERS, PROJECT, STACKS, WORK, Failed, output, show

# The five, by the names that they have in the peers, and as Seaworthy has them.
CHECKS = {
    "not_ready_before_database": ("readiness.not-before-database",),
    "waits_for_late_database": ("retry.late-database",),
    "stops_in_time": ("shutdown.in-time",),
    "runs_as_non_root": ("nonroot.processes",),
    "reports_outage": ("outage.killed", "outage.recovers"),
}
FIVE = " or ".join(f"@{id}" for ids in CHECKS.values() for id in ids)


@dataclass(frozen=True)
class Subject:
    """A stack as Seaworthy takes it, and the image of its app as the peers do."""

    name: str
    folder: Path
    image: str


@dataclass(frozen=True)
class Twin:
    """The reference with one defect, and the check that must notice it."""

    name: str
    defect: str
    notices: str

    @property
    def folder(self) -> Path:
        return STACKS / "defects" / self.name


REFERENCE = STACKS / "fastapi-postgres"
TWINS = (
    Twin("always-ready", "says that it is ready without looking", "not_ready_before_database"),
    Twin("no-retry", "exits when its database is late", "waits_for_late_database"),
    Twin("ignores-sigterm", "ignores SIGTERM", "stops_in_time"),
    Twin("runs-as-root", "runs as root", "runs_as_non_root"),
    Twin("never-reconnects", "never connects again after an outage", "reports_outage"),
)


@dataclass(frozen=True)
class Command:
    arguments: list[str]
    # Beside those of this process.
    variables: dict[str, str]
    folder: Path = PROJECT
    # Where Seaworthy saves its run.
    record: Path | None = None


@dataclass(frozen=True)
class Contender:
    key: str
    title: str
    # What it is built from, made once and not measured.
    prepare: Callable[[], None]
    command: Callable[[Subject], Command]
    # The checks that failed, read from the output and the record.
    failed: Callable[[str, Path | None], set[str]]
    # The files that somebody had to write, for the count of lines.
    sources: tuple[Path, ...] = ()
    takes_twins: bool = True


def contenders(binary: Path | None) -> list[Contender]:
    """All, in the order in which they take turns. Without a binary Seaworthy is built first, optimised."""
    program = binary or PROJECT / "target/release/seaworthy"

    def build() -> None:
        if binary is None:
            show("cargo", "build", "--release", "--quiet", cwd=PROJECT)
        elif not binary.exists():
            raise Failed(f"{binary} is not there")

    def seaworthy(*options: str) -> Callable[[Subject], Command]:
        def command(subject: Subject) -> Command:
            record = WORK / "run.json"
            record.unlink(missing_ok=True)
            return Command([str(program), "check", str(subject.folder), *options, "--json", str(record)], {}, record=record)

        return command

    return [
        Contender("a", "Seaworthy, the five", build, seaworthy("--tags", FIVE), failed_of_record),
        Contender("b", "Seaworthy, everything", build, seaworthy(), failed_of_record, takes_twins=False),
        Contender("c", "`docker compose up --wait`, curl, bash", curl_is_there, bash, failed_of_bash,
                  (PEERS / "compose/five", PEERS / "compose/compose.test.yaml")),
        Contender("d", "pytest, testcontainers-python", make_venv, pytest, failed_of_pytest,
                  (PYTHON / "conftest.py", PYTHON / "test_five.py")),
        Contender("e", "cucumber, testcontainers-rs", build_rust, rust, failed_of_cucumber,
                  (RUST / "tests/five.rs", RUST / "features/five.feature")),
    ]


def failed_of_record(_output: str, record: Path | None) -> set[str]:
    if record is None or not record.exists():
        return set()
    checks = json.loads(record.read_text())["checks"]
    names = {id: name for name, ids in CHECKS.items() for id in ids}
    return {names.get(check["id"], check["id"]) for check in checks if check["verdict"] == "failed"}


# c


def curl_is_there() -> None:
    output("curl", "--version")


def bash(subject: Subject) -> Command:
    variables = {"APP_IMAGE": subject.image, "COMPOSE_PROJECT_NAME": "seaworthy-bench-five"}
    return Command([str(PEERS / "compose/five")], variables)


def failed_of_bash(text: str, _record: Path | None) -> set[str]:
    return set(re.findall(r"^FAILED (\w+)", text, re.MULTILINE))


# d

PYTHON = PEERS / "testcontainers-python"
VENV = WORK / "venv"


def make_venv() -> None:
    requirements = PYTHON / "requirements.txt"
    mark, wanted = VENV / "requirements.sha256", hashlib.sha256(requirements.read_bytes()).hexdigest()
    if mark.exists() and mark.read_text() == wanted:
        return
    show(sys.executable, "-m", "venv", "--clear", str(VENV))
    show(str(VENV / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", "--requirement", str(requirements))
    mark.write_text(wanted)


def pytest(subject: Subject) -> Command:
    # Ryuk, which removes what a killed test leaves, is an image of its own: without it pytest is a second quicker.
    variables = {"APP_IMAGE": subject.image, "TESTCONTAINERS_RYUK_DISABLED": "true", "PYTHONDONTWRITEBYTECODE": "1"}
    return Command([str(VENV / "bin/pytest"), "--tb=short", "-p", "no:cacheprovider", str(PYTHON)], variables)


def failed_of_pytest(text: str, _record: Path | None) -> set[str]:
    return set(re.findall(r"^FAILED \S+::test_(\w+)", text, re.MULTILINE))


# e

RUST = PEERS / "testcontainers-rs"
RUST_TARGET = WORK / "testcontainers-rs"


def cargo_test(*options: str) -> list[str]:
    return ["cargo", "test", "--quiet", "--locked", "--target-dir", str(RUST_TARGET), *options]


def build_rust() -> None:
    show(*cargo_test("--no-run"), cwd=RUST)


def rust(subject: Subject) -> Command:
    return Command(cargo_test(), {"APP_IMAGE": subject.image, "RUST_BACKTRACE": "0"}, RUST)


def failed_of_cucumber(text: str, _record: Path | None) -> set[str]:
    """Scenarios have the names of the checks as tags, which the output does not show."""
    feature = (RUST / "features/five.feature").read_text()
    names = {title: tag for tag, title in re.findall(r"@(\w+)\n *Scenario: (.+)", feature)}
    failed, scenario = set(), None
    for line in text.splitlines():
        if found := re.match(r" *Scenario: (.+)", line):
            scenario = found[1]
        elif "✘" in line and scenario is not None:
            failed.add(names[scenario])
    return failed


def lines(sources: tuple[Path, ...]) -> int:
    """Lines that are neither empty nor a comment."""
    texts = (source.read_text().splitlines() for source in sources)
    return sum(1 for text in texts for line in text if line.strip() and not line.strip().startswith(("#!", "# ", "//")))


def versions() -> dict[str, str]:
    """Of what the peers are made of, as far as they are built."""
    found = {}
    if (VENV / "bin/pip").exists():
        for line in output(str(VENV / "bin/pip"), "freeze").splitlines():
            name, _, version = line.partition("==")
            if name in ("pytest", "testcontainers"):
                found["testcontainers-python" if name == "testcontainers" else name] = version
    lock = (RUST / "Cargo.lock").read_text()
    for name, version in re.findall(r'name = "(cucumber|testcontainers)"\nversion = "([^"]+)"', lock):
        found["testcontainers-rs" if name == "testcontainers" else name] = version
    return found


def environment(command: Command) -> dict[str, str]:
    return {**os.environ, **command.variables}
