"""A file that is young while the worker consumes: its event loop writes it every second, from when it is connected to the broker."""

from celery import bootsteps

from worker.settings import BEAT, HEARTBEAT


class Heartbeat(bootsteps.StartStopStep):
    """A step of the consumer: it begins with each connection to the broker and ends with it."""

    requires = {"celery.worker.consumer.tasks:Tasks", "celery.worker.consumer.events:Events"}

    def __init__(self, consumer, **options):
        super().__init__(consumer, **options)
        self.timer = None

    def start(self, consumer):
        HEARTBEAT.touch()
        self.timer = consumer.timer.call_repeatedly(BEAT, HEARTBEAT.touch)

    def stop(self, consumer):
        if self.timer:
            self.timer.cancel()
            self.timer = None
        HEARTBEAT.unlink(missing_ok=True)

    shutdown = stop
