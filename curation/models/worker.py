from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class WorkerQuerySet(models.QuerySet["Worker"]):
    def alive(self) -> WorkerQuerySet:
        """Heard of lately, by the database's clock."""
        return self.filter(seen__gt=Now() - timedelta(seconds=settings.SILENCE))


class Worker(models.Model):
    """A process that takes parts from the queue."""

    name = models.CharField(max_length=200, unique=True)
    seen = models.DateTimeField()

    objects = WorkerQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name
