"""What a worker hears, and what starts and stops with it."""

from typing import Any

from celery import shared_task
from celery.signals import worker_ready, worker_shutdown, worker_shutting_down

from curation import jobs
from curation.models import Part


@shared_task(name=jobs.BELL)
def ring(run_id: int) -> None:
    jobs.work(run_id, queues=jobs.pulse.queues)


@worker_ready.connect
def begin(sender: Any, **_: object) -> None:
    jobs.pulse.start(list(sender.app.amqp.queues.consume_from))


@worker_shutting_down.connect
def leave(**_: object) -> None:
    """Parts go back to the queue at their next sign of life; no new ones are taken."""
    Part.leaving.set()


@worker_shutdown.connect
def end(**_: object) -> None:
    jobs.pulse.stop()
