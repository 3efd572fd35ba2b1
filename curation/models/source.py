from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models, transaction

from curation.engine.errors import Refused
from curation.models.event import Event
from curation.models.project import OwnedQuerySet, Project


class SourceManager(models.Manager["Source"].from_queryset(OwnedQuerySet["Source"])):  # type: ignore[misc]
    @transaction.atomic
    def register(self, project: Project, name: str, *, by: Any, **fields: Any) -> Source:
        """A new source, or the same one with what was said anew; its name and split role stay."""
        source, new = self.select_for_update().get_or_create(
            project=project, name=name, defaults={"owner": by, **fields}
        )
        if new:
            Event.objects.record("registered", source, project=project, by=by, location=source.location)
        elif source.split_role != fields["split_role"]:
            raise Refused(
                f"{name} is registered as {source.get_split_role_display()}, and this would be "
                f"{Source.SplitRole(fields['split_role']).label}; choose another name."
            )
        else:
            changed = {key: value for key, value in fields.items() if getattr(source, key) != value}
            if "location" in changed:
                changed |= {"mapping": {}, "revision": ""}
            for key, value in changed.items():
                setattr(source, key, value)
            source.save()
            if changed:
                Event.objects.record("changed", source, project=project, by=by, fields=sorted(changed))
        return source  # type: ignore[no-any-return]


class Source(models.Model):
    """Where rows come from."""

    class Location(models.TextChoices):
        FILES = "files", "a file, folder or glob"
        HUB = "hub", "a Hub repository"

    class SplitRole(models.TextChoices):
        TRAIN = "train", "a training source"
        EVAL = "eval", "a benchmark"

    class BenchmarkRole(models.TextChoices):
        DEV = "dev", "used in development: matching rows go"
        UNSEEN = "unseen", "held out: a source over the 2 % line should go whole"

    project = models.ForeignKey(Project, models.PROTECT, related_name="sources")
    name = models.SlugField(max_length=100)
    kind = models.CharField(max_length=10, choices=Location)
    location = models.CharField(max_length=2000)
    revision = models.CharField(max_length=64, blank=True)
    licence = models.CharField(max_length=100, blank=True)
    split_role = models.CharField(max_length=10, choices=SplitRole)
    benchmark_role = models.CharField(max_length=10, choices=BenchmarkRole, blank=True)
    mapping = models.JSONField(default=dict)
    mapping_number = models.PositiveIntegerField(default=0)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)
    created = models.DateTimeField(auto_now_add=True)

    objects = SourceManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="source_name")]

    def __str__(self) -> str:
        return self.name

    def pin(self, *, revision: str, mapping: dict[str, Any], licence: str, by: Any) -> None:
        """What an import found out. A changed mapping gets the next number; earlier ones stay in the audit log."""
        if mapping != self.mapping:
            self.mapping, self.mapping_number = mapping, self.mapping_number + 1
            Event.objects.record(
                "mapped", self, project=self.project, by=by, number=self.mapping_number, mapping=mapping
            )
        self.revision, self.licence = revision, self.licence or licence
        self.save(update_fields=["revision", "licence", "mapping", "mapping_number"])
