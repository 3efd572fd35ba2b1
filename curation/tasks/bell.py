"""What a worker hears, and what starts and stops with it."""

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down

from curation import jobs


@shared_task(name=jobs.BELL)
def ring(run_id: int) -> None:
    jobs.work(run_id)


@worker_ready.connect
def begin(**_: object) -> None:
    jobs.pulse.start(serving=True)


@worker_shutting_down.connect
def end(**_: object) -> None:
    jobs.pulse.stop()
