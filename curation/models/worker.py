from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class WorkerQuerySet(models.QuerySet["Worker"]):
    def alive(self) -> WorkerQuerySet:
        """Heard of lately, by the database's clock."""
        return self.filter(seen__gt=Now() - timedelta(seconds=settings.SILENCE))

    def serving(self, queue: str) -> list[Worker]:
        """Those of them that take runs of a queue."""
        return [worker for worker in self.alive() if queue in worker.queues]


class Worker(models.Model):
    """A process that takes parts of runs in its queues."""

    name = models.CharField(max_length=200, unique=True)
    queues = models.JSONField(default=list)
    seen = models.DateTimeField()

    objects = WorkerQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name
