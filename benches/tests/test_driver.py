"""The pure parts of the bench: what is read from timelines, outputs and labels, and what the page makes of it."""

import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from driver import contenders, page  # noqa: E402
from driver.engine import is_of_bench  # noqa: E402
from driver.growth import compose  # noqa: E402
from driver.lag import CONNECTED, Lag, lag  # noqa: E402


def log(at_ms: float, message: str = CONNECTED, service: str = "app") -> dict:
    return {"at_ms": at_ms, "fact": "log", "service": service, "stream": "stdout", "line": json.dumps({"message": message})}


def probe(at_ms: float, value: int, sent_ms: float | None = None, endpoint: str = "readiness") -> dict:
    answer = {"kind": "status", "value": value}
    return {"at_ms": at_ms, "fact": "probe", "endpoint": endpoint, "sent_ms": sent_ms or at_ms - 1, "answer": answer}


REFUSED = {"at_ms": 101, "fact": "probe", "endpoint": "readiness", "sent_ms": 100.5, "answer": {"kind": "refused"}}


class LagOfReadiness(unittest.TestCase):
    def test_is_counted_from_the_first_such_line_to_the_first_2xx(self):
        cases = [
            ([log(100), probe(150, 200, 130)], Lag(50, 30)),
            ([log(100), REFUSED, probe(120, 503), probe(220, 204, 210)], Lag(120, 110)),
            # By time, whatever the order in the record; the later line is another connection.
            ([probe(150, 200, 149), log(120), log(100)], Lag(50, 49)),
            # Asked before the line and answered after it.
            ([log(100), probe(130, 200, 95)], Lag(30, 0)),
        ]
        for timeline, expected in cases:
            self.assertEqual(lag(timeline, "app", CONNECTED), expected)

    def test_is_unknown_where_something_else_happened_or_nobody_asked(self):
        fault = {"at_ms": 110, "fact": "fault", "service": "db", "fault": "killed", "phase": "begins"}
        signal = {"at_ms": 110, "fact": "signal", "service": "app", "signal": "SIGTERM"}
        answered = probe(150, 200)
        cases = [
            [],
            [log(100)],
            [answered],
            [log(100), probe(150, 503)],
            [log(100), probe(150, 200, endpoint="liveness")],
            [log(100, service="db"), answered],
            [log(100, "starting"), answered],
            [{**log(100), "line": "connected to the database"}, answered],
            [log(100), fault, answered],
            [log(100), signal, answered],
        ]
        for timeline in cases:
            self.assertIsNone(lag(timeline, "app", CONNECTED), timeline)


class FailedChecks(unittest.TestCase):
    def test_are_read_from_every_output(self):
        bash = "passed runs_as_non_root (0 s)\n  ready without its database\nFAILED not_ready_before_database (2 s)\n"
        self.assertEqual(contenders.failed_of_bash(bash, None), {"not_ready_before_database"})
        pytest = "FAILED benches/x/test_five.py::test_reports_outage - AssertionError\nERROR x.py::test_stops_in_time\n"
        self.assertEqual(contenders.failed_of_pytest(pytest, None), {"reports_outage"})
        cucumber = "  Scenario: The app stops in time\n   ✔  Given x\n  Scenario: The app waits for a late database\n   ✘  Then y\n"
        self.assertEqual(contenders.failed_of_cucumber(cucumber, None), {"waits_for_late_database"})
        self.assertEqual(contenders.failed_of_cucumber(cucumber.replace("✘", "✔"), None), set())

    def test_every_check_is_in_every_peer(self):
        for sources in (contender.sources for contender in contenders.contenders(None) if contender.sources):
            text = "".join(source.read_text() for source in sources)
            for name in contenders.CHECKS:
                self.assertIn(name, text, sources)
        self.assertEqual({twin.notices for twin in contenders.TWINS}, set(contenders.CHECKS))
        for twin in contenders.TWINS:
            self.assertTrue((twin.folder / "compose.yaml").exists(), twin.name)


class Owners(unittest.TestCase):
    def test_only_what_shows_that_it_is_of_the_bench_is(self):
        run = {"dev.seaworthy.run": "r1", "com.docker.compose.project": "seaworthy-r1-1"}
        cases = [
            ({"Name": "/five-1f-db", "Config": {"Image": "postgres:15-bookworm"}}, True),
            ({"Name": "/happy_gauss", "Config": {"Image": "seaworthy-bench-reference-app:latest", "Labels": None}}, True),
            ({"Name": "five-1f", "Labels": {}}, True),
            ({"Name": "1f", "Labels": {"org.testcontainers.lang": "python"}}, True),
            ({"Name": "x", "Labels": {"com.docker.compose.project": "seaworthy-bench-five"}}, True),
            ({"Name": "x", "Labels": {**run, "dev.seaworthy.owner.pid": "7"}}, True),
            ({"Name": "x", "Labels": {**run, "dev.seaworthy.owner.pid": "8"}}, False),
            # What nobody marked, and what somebody else did.
            ({"Name": "data", "Labels": None}, False),
            ({"Name": "/redis", "Config": {"Image": "redis:7", "Labels": {}}}, False),
            ({"Name": "x", "Labels": {"com.docker.compose.project": "shop"}}, False),
            ({"Name": "x", "Config": {"Labels": {"org.testcontainers.managed-by": "testcontainers"}}}, False),
            ({"Name": "1f", "Labels": {"com.docker.volume.anonymous": ""}}, False),
        ]
        for found, expected in cases:
            self.assertEqual(is_of_bench(found, 7), expected, found)


class Page(unittest.TestCase):
    def test_has_medians_and_ratios_of_the_rounds_that_passed(self):
        def turn(contender: str, seconds: float, exit_code: int = 0) -> dict:
            return {"contender": contender, "subject": "reference", "seconds": seconds, "exit_code": exit_code, "failed": []}

        turns = [turn("a", 10), turn("c", 30), turn("a", 12), turn("c", 5, 1), turn("a", 40), turn("c", 18)]
        text = page.the_five({"turns": turns, "lines": {"c": 99}, "counts": {}})
        self.assertIn("| a | Seaworthy, the five | 12.0 s | 10.0–40.0 s | 1.00 | 0 | 3 of 3 |", text)
        self.assertIn("| 24.0 s | 18.0–30.0 s | 2.00 | 99 | 2 of 3 |", text)

    def test_says_what_an_interrupted_bench_lacks(self):
        whole = {"is_whole": True, "rounds": 2, "turns": [0] * 10, "twins": [0] * 20, "growth": [0] * 4}
        self.assertEqual(page.missing(whole), "")
        self.assertEqual(page.missing({**whole, "twins": [0] * 19, "growth": []}), "the last twins and all sizes of the growing stack")
        self.assertEqual(page.missing({**whole, "growth": [], "is_whole": False}), "")

    def test_growth_has_the_times_of_the_runs_that_passed(self):
        def turn(size: int, seconds: float, exit_code: int = 0) -> dict:
            return {"subject": f"growth-{size}", "round": 1, "seconds": seconds, "exit_code": exit_code, "failed": []}

        counts = {"growth-1": {"checks": 70, "experiments": 40}, "growth-2": {"checks": 90, "experiments": 50}}
        text = page.the_growth({"growth": [turn(1, 100), turn(2, 150), turn(8, 9, 2)], "counts": counts})
        self.assertIn("| 1 | 70 | 40 | 100 s | 1.00 | none | 1 of 1 |", text)
        self.assertIn("| 2 | 90 | 50 | 150 s | 1.50 | none | 1 of 1 |", text)
        self.assertIn("| 8 |  |  | no time |  | none | 0 of 1 |", text)

    def test_a_twin_is_noticed_by_the_check_that_is_about_it(self):
        turn = {"subject": "ignores-sigterm", "exit_code": 1, "failed": ["stops_in_time"]}
        self.assertTrue(page.noticed(turn))
        self.assertFalse(page.noticed({**turn, "failed": ["reports_outage"]}))
        self.assertFalse(page.noticed({**turn, "exit_code": 0}))


class Growth(unittest.TestCase):
    def test_the_app_waits_for_as_many_as_asked_for(self):
        stack = compose(2)
        self.assertEqual(list(stack["services"]), ["app", "cache-1", "cache-2"])
        self.assertEqual(stack["services"]["app"]["environment"]["DEPENDENCIES"].split(), ["cache-1", "cache-2"])
        self.assertEqual(stack["x-seaworthy"]["dependencies"], ["cache-1", "cache-2"])


if __name__ == "__main__":
    unittest.main()
