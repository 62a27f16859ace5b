"""How the worker finds its broker again: Celery itself waits 2, 4, 6 … 30 seconds between its attempts, and has no setting for it."""

from celery.app.amqp import AMQP
from kombu import Connection


class PatientConnection(Connection):
    def ensure_connection(self, *args, **kwargs):
        return super().ensure_connection(*args, **({"interval_start": 1, "interval_step": 0, "interval_max": 1} | kwargs))


class Broker(AMQP):
    Connection = PatientConnection
