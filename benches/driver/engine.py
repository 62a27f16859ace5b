"""What is in the container engine: the images of the subjects, and what a contender leaves behind.

Others may use the same engine meanwhile. Only what is new after a contender ran and does not belong to somebody else counts as its own.
"""

import json
import time
from dataclasses import dataclass

from driver.places import Failed, output

PROJECT_PREFIX = "seaworthy-bench"
# An engine removes some things a moment after it said so.
REMOVAL_LIMIT_S = 15
KINDS = ("container", "network", "volume")


@dataclass(frozen=True)
class Thing:
    kind: str
    id: str


def things() -> set[Thing]:
    """Every container and network, and every volume that no container uses."""
    lists = {
        "container": ("container", "ls", "--all", "--no-trunc", "--format", "{{.ID}}"),
        "network": ("network", "ls", "--no-trunc", "--format", "{{.ID}}"),
        "volume": ("volume", "ls", "--filter", "dangling=true", "--format", "{{.Name}}"),
    }
    return {Thing(kind, line) for kind in KINDS for line in output("docker", *lists[kind]).split()}


def is_foreign(labels: dict[str, str], owner_pid: int) -> bool:
    """Whether labels say that a thing belongs to neither this bench nor the process that it started."""
    if "dev.seaworthy.run" in labels:
        return labels.get("dev.seaworthy.owner.pid") != str(owner_pid)
    project = labels.get("com.docker.compose.project")
    return project is not None and not project.startswith(PROJECT_PREFIX)


def labels_of(thing: Thing) -> dict[str, str] | None:
    """None for a thing that is gone."""
    try:
        found = json.loads(output("docker", thing.kind, "inspect", thing.id))[0]
    except Failed:
        return None
    return (found.get("Labels") or found.get("Config", {}).get("Labels")) or {}


def left_behind(before: set[Thing], owner_pid: int) -> list[Thing]:
    """What a contender has left, once the engine had time to remove it."""
    deadline = time.monotonic() + REMOVAL_LIMIT_S
    while True:
        labels = {thing: labels_of(thing) for thing in things() - before}
        left = [thing for thing, found in labels.items() if found is not None and not is_foreign(found, owner_pid)]
        if not left or time.monotonic() > deadline:
            return sorted(left, key=lambda thing: (KINDS.index(thing.kind), thing.id))
        time.sleep(0.5)


def remove(left: list[Thing]) -> None:
    for thing in left:
        if "com.docker.volume.anonymous" in (labels_of(thing) or {}):
            continue  # nothing says whose it is: it is only reported
        force = ["--force", "--volumes"] if thing.kind == "container" else []
        try:
            output("docker", thing.kind, "rm", *force, thing.id)
        except Failed:
            pass  # somebody was quicker


def build(name: str, folder) -> str:
    """Builds the app of a stack as Compose does, and returns the name of its image."""
    project = f"{PROJECT_PREFIX}-{name}"
    output("docker", "compose", "--project-name", project, "--file", str(folder / "compose.yaml"), "build", "--quiet", "app")
    return f"{project}-app"


def remove_images() -> None:
    """All that `build` has made; their layers stay in the cache of the builder."""
    for name in output("docker", "image", "ls", "--format", "{{.Repository}}", f"{PROJECT_PREFIX}-*").split():
        output("docker", "image", "rm", name)


def is_stand_in(image: str) -> bool:
    """Whether a base image is one of those that stacks/base/build makes where no registry answers."""
    return output("docker", "image", "inspect", "--format", '{{index .Config.Labels "dev.seaworthy.stand-in"}}', image).strip() != ""
