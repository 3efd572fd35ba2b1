from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pyarrow as pa
from django.conf import settings
from django.db import models, transaction
from django.db.models import Exists, OuterRef
from django.urls import reverse

from curation.engine.errors import BadInput, Refused
from curation.engine.store import Manifest, Shard, Store
from curation.models.event import Event
from curation.models.project import OwnedQuerySet, Project
from curation.models.source import Source


@cache
def _store(url: str) -> Store:
    return Store(url)


def store() -> Store:
    return _store(settings.STORE_URL)


class Kind(models.TextChoices):
    """What the rows of a dataset are. Only records are mixed, and only mixtures exported."""

    RECORDS = "records", "records"
    MIXTURE = "mixture", "a mixture"
    BENCHMARK = "benchmark", "benchmark items"
    MATCHES = "matches", "matches"
    RULINGS = "rulings", "rulings"
    REMOVED = "removed", "removed rows"
    REJECTS = "rejects", "rejected rows"
    ORIGINS = "origins", "origins of mixed rows"
    PROFILE = "profile", "a profile"
    CAUSES = "causes", "causes of matches"
    COMMON = "common", "common phrases"
    CLUSTERS = "clusters", "clusters of duplicates"
    VERDICTS = "verdicts", "verdicts of a model"


class DatasetQuerySet(OwnedQuerySet["Dataset"]):
    def require_kind(self, taken: Dataset, kind: Kind) -> None:
        """A name stands for one kind of rows."""
        if taken.kind != kind:
            raise Refused(
                f"The name {taken.name} stands for {taken.get_kind_display()} here, and this would be {kind.label}; "
                "choose another name."
            )

    def require_free(self, project: Project, name: str, kind: Kind, source: str = "") -> None:
        """
        Refuse a run whose output would go under a name that stands for something else: other kinds of rows, or the
        rows of another source (`source` is empty for what no import made).
        """
        taken = self.filter(project=project, name=name).select_related("source").first()
        if taken is None:
            return
        self.require_kind(taken, kind)
        if taken.versions.exists() and (taken.source.name if taken.source else "") != source:
            raise Refused(
                f"The dataset {name} was not made by {source or 'this kind of run'}; choose another name."
            )


class Dataset(models.Model):
    """A name; what it stands for is in its versions."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="datasets")
    name = models.SlugField(max_length=120)
    kind = models.CharField(max_length=12, choices=Kind)
    source = models.ForeignKey(Source, models.PROTECT, null=True, related_name="datasets")

    objects = DatasetQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="dataset_name")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("dataset", args=[self.project.name, self.name])

    def newest(self) -> Version | None:
        return self.versions.live().order_by("-number").first()


class VersionQuerySet(OwnedQuerySet["Version"]):
    owner_path = "dataset__project"

    def live(self) -> VersionQuerySet:
        return self.filter(purged__isnull=True)

    def newest(self) -> VersionQuerySet:
        """Of every dataset the version that counts."""
        later = Version.objects.live().filter(dataset=OuterRef("dataset"), number__gt=OuterRef("number"))
        return self.live().exclude(Exists(later))

    def profiles_of(self, version: Version) -> VersionQuerySet:
        """What was found out about each row of a version, the newest first."""
        inputs = {"run__run_inputs__version": version, "run__run_inputs__role": "records"}
        profiles = self.live().filter(dataset__kind=Kind.PROFILE, run__kind="profile", **inputs)
        return profiles.select_related("dataset__project").order_by("-pk")

    def counts_of(self, version: Version) -> VersionQuerySet:
        """The tokens of each row of a version, by whatever tokenizers."""
        inputs = {"run__run_inputs__version": version, "run__run_inputs__role": "records"}
        return self.live().filter(dataset__kind=Kind.PROFILE, run__kind="tokens", **inputs)

    def mixture(self, project: Project, text: str) -> Version:
        """A mixture by name or name@number; only these are exported."""
        version = self.named(project, text)
        if version.kind != Kind.MIXTURE:
            raise BadInput(
                f"{version} holds {version.kind.label}; export a mixture (see `mix`), even one of one dataset."
            )
        return version

    def named(self, project: Project, text: str) -> Version:
        """`name@number`, or the newest version of `name`; BadInput when there is none."""
        name, _, number = text.partition("@")
        found = self.live().filter(dataset__project=project, dataset__name=name).order_by("-number")
        if number:
            found = found.filter(number=number) if number.isdecimal() else found.none()
        if version := found.select_related("dataset__project", "run").first():
            return version
        if purged := self.filter(dataset__project=project, dataset__name=name).exclude(purged=None).first():
            raise BadInput(f"{purged} was purged: {(purged.tombstone or {}).get('reason')}")
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
    manifest_path = models.CharField(max_length=250)
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

    def get_absolute_url(self) -> str:
        return reverse("version", args=[self.dataset.project.name, self.dataset.name, self.number])

    @property
    def said(self) -> str:
        """What identifies the contents of rows, wherever they were read from: by fingerprints where these are known."""
        return str(self.facts.get("fingerprints", self.content_hash))

    @property
    def kind(self) -> Kind:
        return Kind(self.dataset.kind)

    def manifest(self) -> Manifest:
        if self.purged:
            raise BadInput(f"{self} was purged: {(self.tombstone or {}).get('reason')}")
        return store().manifest(self.manifest_path)

    def profile(self) -> Version | None:
        """None until its profile run is through."""
        return Version.objects.profiles_of(self).first()

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
