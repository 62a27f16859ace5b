"""The Celery app: its broker, its tasks, and how it treats both."""

import os
from urllib.parse import quote

from celery import Celery, signals

from worker import logs, settings
from worker.heartbeat import Heartbeat

# The defect of a twin: a task is acknowledged when it is taken, which is Celery's default, and SIGTERM ends the worker at once.
LOSES_WORK = bool(os.environ.get("LOSES_WORK"))

values = settings.read()
url = f"redis://:{quote(values['BROKER_PASSWORD'], safe='')}@{values['BROKER_HOST']}:6379/0"
app = Celery("worker", broker=url, amqp="worker.broker:Broker", include=["worker.tasks"])
app.conf.update(
    # A task is acknowledged when it is done: one whose worker is gone comes back.
    task_acks_late=not LOSES_WORK,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    # The broker may come late and go at any time.
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    # Without a timeout every wait for a broker that is frozen lasts for ever.
    broker_connection_timeout=2,
    broker_transport_options={
        "socket_timeout": 2,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 2,
    },
    # Nobody asks for results.
    task_ignore_result=True,
)
app.steps["consumer"].add(Heartbeat)


if LOSES_WORK:
    signals.worker_shutting_down.connect(lambda **_: os._exit(0), weak=False)


@signals.setup_logging.connect
def configure_logging(**_):
    """With this Celery leaves the log alone."""
    logs.configure()
