from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import models, transaction
from django.urls import reverse

from curation.engine.errors import BadConfig, Refused
from curation.models.event import Event
from curation.models.project import OwnedQuerySet, Project

LONGEST_LICENCE = 100


def check_licence(licence: str) -> str:
    if len(licence) > LONGEST_LICENCE:
        raise BadConfig(f"A licence is an SPDX id or a short name: at most {LONGEST_LICENCE} characters")
    return licence


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
        URL = "url", "a file at a public address"
        UPLOAD = "upload", "an uploaded file"

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

    def get_absolute_url(self) -> str:
        return reverse("source", args=[self.project.name, self.name])

    @property
    def is_benchmark(self) -> bool:
        return self.split_role == self.SplitRole.EVAL

    @property
    def file_name(self) -> str:
        """Of an upload, the name of its file."""
        return self.location.rpartition("/")[2]

    @property
    def public_location(self) -> str:
        """What a card may say of where it is: no folder of this machine, and no name, password or key in an address."""
        if self.kind == self.Location.HUB:
            return self.location
        if self.kind == self.Location.URL:
            parts = urlsplit(self.location)
            return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
        return PurePosixPath(self.location).name

    @transaction.atomic
    def change(self, *, by: Any, licence: str | None = None, benchmark_role: str | None = None) -> bool:
        """Say anew what needs no import; None is left as it is. False when all of it was said before."""
        if licence is not None:
            check_licence(licence)
        if benchmark_role is not None:
            if not self.is_benchmark:
                raise Refused(f"{self} is a training source; only a benchmark is dev or unseen.")
            self._require_role(benchmark_role)
        said = {"licence": licence, "benchmark_role": benchmark_role}
        changed = {key: new for key, new in said.items() if new is not None and new != getattr(self, key)}
        self._record_change(changed, by)
        return bool(changed)

    @transaction.atomic
    def become_benchmark(self, role: str, *, by: Any) -> None:
        """What was registered as a training source and is none after all. Refused once rows of it were imported."""
        if self.datasets.exists() or self.project.runs.active().filter(kind="import", subject=self.name):
            raise Refused(
                f"Rows of {self} were imported as training data already, or are just now; register the "
                "benchmark under another name."
            )
        self._require_role(role)
        self._record_change({"split_role": self.SplitRole.EVAL, "benchmark_role": role}, by)

    def _require_role(self, role: str) -> None:
        if role not in self.BenchmarkRole.values:
            raise BadConfig(f"A benchmark is {' or '.join(self.BenchmarkRole.values)}, not {role!r}")

    def _record_change(self, changed: dict[str, Any], by: Any) -> None:
        if not changed:
            return
        before = {key: getattr(self, key) for key in changed}
        for key, value in changed.items():
            setattr(self, key, value)
        self.save(update_fields=list(changed))
        fields = sorted(changed)
        self.project.record("changed", self, by=by, fields=fields, before=before, after=changed)

    def pin(self, *, revision: str, mapping: dict[str, Any], licence: str, by: Any) -> None:
        """What an import found out. A changed mapping gets the next number; earlier ones stay in the audit log."""
        if mapping != self.mapping:
            self.mapping, self.mapping_number = mapping, self.mapping_number + 1
            Event.objects.record(
                "mapped", self, project=self.project, by=by, number=self.mapping_number, mapping=mapping
            )
        self.revision, self.licence = revision, self.licence or licence
        self.save(update_fields=["revision", "licence", "mapping", "mapping_number"])
