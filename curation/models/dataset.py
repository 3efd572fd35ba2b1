from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from django.conf import settings
from django.db import models, transaction

from curation.engine.errors import BadInput
from curation.engine.store import Manifest, Shard, Store
from curation.models.event import Event
from curation.models.project import OwnedQuerySet, Project
from curation.models.source import Source

if TYPE_CHECKING:
    pass


@cache
def _store(url: str) -> Store:
    return Store(url)


def store() -> Store:
    return _store(settings.STORE_URL)


class Kind(models.TextChoices):
    """What the rows of a dataset are. Only records are mixed, and only mixtures exported."""

    RECORDS = "records", "records"
    MIXTURE = "mixture", "mixture"
    BENCHMARK = "benchmark", "benchmark items"
    MATCHES = "matches", "matches"
    RULINGS = "rulings", "rulings"
    REMOVED = "removed", "removed rows"
    REJECTS = "rejects", "rejected rows"
    ORIGINS = "origins", "origins of mixed rows"


class Dataset(models.Model):
    """A name; what it stands for is in its versions."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="datasets")
    name = models.SlugField(max_length=120)
    kind = models.CharField(max_length=12, choices=Kind)
    source = models.ForeignKey(Source, models.PROTECT, null=True, related_name="datasets")

    objects = OwnedQuerySet["Dataset"].as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="dataset_name")]

    def __str__(self) -> str:
        return self.name

    def newest(self) -> Version | None:
        return self.versions.live().order_by("-number").first()


class VersionQuerySet(OwnedQuerySet["Version"]):
    owner_path = "dataset__project"

    def live(self) -> VersionQuerySet:
        return self.filter(purged__isnull=True)

    def named(self, project: Project, text: str) -> Version:
        """`name@number`, or the newest version of `name`; BadInput when there is none."""
        name, _, number = text.partition("@")
        found = self.live().filter(dataset__project=project, dataset__name=name).order_by("-number")
        if number:
            found = found.filter(number=number) if number.isdecimal() else found.none()
        if version := found.select_related("dataset__project", "run").first():
            return version
        names = ", ".join(project.datasets.order_by("name").values_list("name", flat=True)[:20])
        raise BadInput(
            f"There is no version {text} in project {project}. Datasets here: {names or 'none yet'}."
        )


class Version(models.Model):
    """An immutable folder of Parquet shards with a manifest."""

    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    run = models.ForeignKey("curation.Run", models.PROTECT, related_name="outputs")
    role = models.CharField(max_length=40)
    folder = models.CharField(max_length=200, unique=True)
    content_hash = models.CharField(max_length=64)
    rows = models.PositiveBigIntegerField()
    bytes = models.PositiveBigIntegerField()
    facts = models.JSONField(default=dict)
    subset_of = models.ForeignKey("self", models.PROTECT, null=True, related_name="subsets")
    created = models.DateTimeField(auto_now_add=True)
    purged = models.DateTimeField(null=True)
    tombstone = models.JSONField(null=True)

    objects = VersionQuerySet.as_manager()

    class Meta:
        ordering = ["dataset", "-number"]
        constraints = [models.UniqueConstraint(fields=["dataset", "number"], name="version_number")]
        indexes = [models.Index(fields=["content_hash"])]

    def __str__(self) -> str:
        return f"{self.dataset.name}@{self.number}"

    @property
    def kind(self) -> Kind:
        return Kind(self.dataset.kind)

    def manifest(self) -> Manifest:
        if self.purged:
            raise BadInput(f"{self} was purged: {(self.tombstone or {}).get('reason')}")
        return store().manifest(self.folder)

    def shards(self) -> tuple[Shard, ...]:
        return self.manifest().shards

    def batches(self, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        return store().batches(self.shards(), columns)

    @transaction.atomic
    def purge(self, reason: str, *, by: Any, at: Any) -> None:
        """Delete the files; the row and the manifest stay as a tombstone, so that lineage still reads."""
        self.tombstone = {"reason": reason, "manifest": self.manifest().to_json()}
        self.purged = at
        self.save(update_fields=["tombstone", "purged"])
        Event.objects.record("purged", self, project=self.dataset.project, by=by, reason=reason)
        transaction.on_commit(lambda: store().remove(self.folder))
