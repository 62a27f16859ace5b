"""What is in the container engine: the images of the subjects, and what a contender leaves behind.

Others may use the same engine meanwhile: a thing counts as left behind, and is removed, only if it is new and something on it says that it
is the contender's. An anonymous volume says nothing, so those are not looked at.
"""

import json
import time
from dataclasses import dataclass

from driver.places import Failed, output

# Of Compose projects, and so of images.
PROJECT_PREFIX = "seaworthy-bench"
# Of what benches/peers/testcontainers-rs creates.
NAME_PREFIX = "five-"
# An engine removes some things a moment after it said so.
REMOVAL_LIMIT_S = 15
KINDS = ("container", "network", "volume")


@dataclass(frozen=True)
class Thing:
    kind: str
    id: str


def things() -> set[Thing]:
    """Every container, network and volume."""
    lists = {
        "container": ("container", "ls", "--all", "--no-trunc", "--format", "{{.ID}}"),
        "network": ("network", "ls", "--no-trunc", "--format", "{{.ID}}"),
        "volume": ("volume", "ls", "--format", "{{.Name}}"),
    }
    return {Thing(kind, line) for kind in KINDS for line in output("docker", *lists[kind]).split()}


def is_of_bench(found: dict, owner_pid: int) -> bool:
    """Whether what the engine says of a thing shows that it belongs to this bench, or to the process that it started."""
    config = found.get("Config") or {}
    labels = found.get("Labels") or config.get("Labels") or {}
    if "dev.seaworthy.run" in labels:
        return labels.get("dev.seaworthy.owner.pid") == str(owner_pid)
    return (
        labels.get("com.docker.compose.project", "").startswith(PROJECT_PREFIX)
        or labels.get("org.testcontainers.lang") == "python"
        or config.get("Image", "").startswith(PROJECT_PREFIX)
        or found.get("Name", "").lstrip("/").startswith(NAME_PREFIX)
    )


def inspect(thing: Thing) -> dict | None:
    """None for a thing that is gone."""
    try:
        return json.loads(output("docker", thing.kind, "inspect", thing.id))[0]
    except Failed:
        return None


def left_behind(before: set[Thing], owner_pid: int) -> list[Thing]:
    """What a contender has left, once the engine had time to remove it."""
    deadline = time.monotonic() + REMOVAL_LIMIT_S
    while True:
        new = {thing: inspect(thing) for thing in things() - before}
        left = [thing for thing, found in new.items() if found is not None and is_of_bench(found, owner_pid)]
        if not left or time.monotonic() > deadline:
            return sorted(left, key=lambda thing: (KINDS.index(thing.kind), thing.id))
        time.sleep(0.5)


def remove(left: list[Thing]) -> None:
    for thing in left:
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
