"""The five checks with pytest and testcontainers."""

import time

from conftest import App, Stack, accepts, database, wait_until
from testcontainers.core.network import Network


def test_runs_as_non_root(stack: Stack) -> None:
    top = stack.app.container.get_wrapped_container().top(ps_args="-eo uid,pid,args")
    assert top["Processes"]
    assert [process for process in top["Processes"] if process[0] == "0"] == []


def test_reports_outage(stack: Stack) -> None:
    app, db = stack.app, stack.db.get_wrapped_container()
    before = app.process()
    db.kill()
    assert wait_until(lambda: app.status() == 503, 5), f"no 503 within 5 s of the kill, but {app.status()}"
    assert not wait_until(app.is_ready, 3), "ready without its database"
    db.start()
    assert wait_until(lambda: accepts(stack.db), 30), "the database did not come back"
    assert wait_until(app.is_ready, 15), f"not ready again within 15 s, but {app.status()}"
    assert app.process() == before, "the app was restarted"


def test_stops_in_time(stack: Stack) -> None:
    container = stack.app.container.get_wrapped_container()
    container.stop(timeout=10)
    container.reload()
    # 137: SIGKILL, when the ten seconds were over
    assert container.attrs["State"]["ExitCode"] in (0, 143)


def test_not_ready_before_database(app_alone: App, network: Network) -> None:
    assert wait_until(app_alone.is_alive, 30), "the app does not answer without its database"
    assert not app_alone.is_ready(), "ready without its database"
    with database(network) as db:
        assert wait_until(lambda: app_alone.is_ready() or accepts(db), 60), "the database does not accept"
        assert accepts(db), "ready before its database accepts"
        assert wait_until(app_alone.is_ready, 60), "not ready within 60 s"


def test_waits_for_late_database(app_alone: App, network: Network) -> None:
    assert wait_until(app_alone.is_alive, 30), "the app does not answer without its database"
    before = app_alone.process()
    time.sleep(6)
    with database(network):
        assert wait_until(app_alone.is_ready, 60), "not ready within 60 s"
    assert app_alone.process() == before, "the app was restarted"
