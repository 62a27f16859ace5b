"""How long after the app's own log says that it is connected does the first 2xx come: read from saved runs.

Both are facts on one timeline: the line at the engine's time for it, the answer when it was read.
"""

import json
from dataclasses import dataclass

CONNECTED = "connected to the database"


@dataclass(frozen=True)
class Lag:
    total_ms: float
    # Of the total: until a request was sent, which is the pace of the probe.
    wait_ms: float


def lags(run: dict, message: str = CONNECTED) -> list[Lag]:
    """One for each experiment in which the app said so after its start, and a 2xx followed."""
    found = (lag(experiment["timeline"], run["contract"]["app"], message) for experiment in run["experiments"])
    return [one for one in found if one is not None]


def lag(timeline: list[dict], app: str, message: str) -> Lag | None:
    """Of the first time that the app said so. None where no 2xx followed while nothing else happened to the stack."""
    said = None
    for fact in sorted(timeline, key=lambda fact: fact["at_ms"]):
        if said is None:
            if fact["fact"] == "log" and fact["service"] == app and says(fact["line"], message):
                said = fact["at_ms"]
        elif fact["fact"] == "fault" or (fact["fact"] == "signal" and fact["service"] == app):
            return None
        elif fact["fact"] == "probe" and fact["endpoint"] == "readiness" and is_success(fact["answer"]):
            return Lag(total_ms=fact["at_ms"] - said, wait_ms=max(0.0, fact["sent_ms"] - said))
    return None


def says(line: str, message: str) -> bool:
    try:
        read = json.loads(line)
    except ValueError:
        return False
    return isinstance(read, dict) and read.get("message") == message


def is_success(answer: dict) -> bool:
    return answer["kind"] == "status" and 200 <= answer["value"] < 300
