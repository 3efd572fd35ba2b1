from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from curation.models.project import OwnedQuerySet, Project


class EventQuerySet(OwnedQuerySet["Event"]):
    def update(self, **kwargs: Any) -> int:
        raise TypeError("Events are never changed")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError("Events are never deleted")


class EventManager(models.Manager["Event"].from_queryset(EventQuerySet)):  # type: ignore[misc]
    def record(
        self, verb: str, obj: models.Model, *, project: Project, by: Any = None, **detail: Any
    ) -> Event:
        """Say what was done; call it in the transaction that does it."""
        kind = obj._meta.model_name or ""
        return self.create(  # type: ignore[no-any-return]
            who=by, verb=verb, kind=kind, object_id=obj.pk, label=str(obj), project=project, detail=detail
        )


class Event(models.Model):
    """The append-only audit log."""

    at = models.DateTimeField(auto_now_add=True)
    who = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)
    verb = models.CharField(max_length=50)
    kind = models.CharField(max_length=50)
    object_id = models.BigIntegerField()
    label = models.CharField(max_length=300)
    project = models.ForeignKey(Project, models.PROTECT)
    detail = models.JSONField(default=dict)

    objects = EventManager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["kind", "object_id"])]

    def __str__(self) -> str:
        return f"{self.who or 'winnow'} {self.verb} {self.label}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk:
            raise TypeError("Events are never changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("Events are never deleted")
