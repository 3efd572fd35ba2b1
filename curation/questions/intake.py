"""What was registered, what it gave and what was last done with it: sources as lists and pages show them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery

from curation.models import Check, Event, Run, Source, Version
from curation.questions.looks import LOOK

IMPORT = "import"
READING = (LOOK, IMPORT)


@dataclass(frozen=True, slots=True)
class Entry:
    """A source with its newest version and the last run that read it."""

    source: Source
    version: Version | None = None
    run: Run | None = None
    checks: int = 0
    stale: int = 0

    @property
    def rejected(self) -> int:
        return int(self.version.facts.get("rejected", 0)) if self.version else 0

    @property
    def share(self) -> float | None:
        """Of all rows that were read, those that could not be used."""
        if self.version is None:
            return None
        return self.rejected / ((self.version.rows + self.rejected) or 1)

    @property
    def version_name(self) -> str | None:
        return str(self.version) if self.version else None


def with_state(found: QuerySet[Source]) -> QuerySet[Source]:
    """Each with the keys of its `newest` version and of the `last_run` that read it."""
    newest = Version.objects.live().filter(dataset__source=OuterRef("pk")).order_by("-number")
    runs = Run.objects.filter(project=OuterRef("project"), kind__in=READING, subject=OuterRef("name"))
    return found.annotate(
        newest=Subquery(newest.values("pk")[:1]), last_run=Subquery(runs.order_by("-pk").values("pk")[:1])
    )


def entries(page: Iterable[Source]) -> list[Entry]:
    """Of sources `with_state`; two queries, however many there are."""
    sources = list(page)
    keys = [(getattr(source, "newest", None), getattr(source, "last_run", None)) for source in sources]
    versions = Version.objects.select_related("dataset__project", "run").in_bulk(
        [version for version, _ in keys if version]
    )
    runs = Run.objects.select_related("project").in_bulk([run for _, run in keys if run])
    return [
        Entry(source, versions.get(version), runs.get(run))
        for source, (version, run) in zip(sources, keys, strict=True)
    ]


def used(found: list[Entry]) -> list[Entry]:
    """Benchmarks, with how many checks relied on each, and how many standing ones are stale."""
    datasets = {entry.version.dataset_id for entry in found if entry.version}
    later = Check.objects.filter(version=OuterRef("version"), kind=OuterRef("kind"), pk__gt=OuterRef("pk"))
    outdated = Q(status=Check.Status.STALE) & ~Q(Exists(later))
    counted = Check.objects.filter(against__dataset__in=datasets).values("against__dataset")
    totals = counted.annotate(
        checks=Count("pk", distinct=True), stale=Count("pk", filter=outdated, distinct=True)
    )
    by_dataset = {row["against__dataset"]: (row["checks"], row["stale"]) for row in totals.order_by()}
    return [
        Entry(
            e.source, e.version, e.run, *by_dataset.get(e.version.dataset_id if e.version else None, (0, 0))
        )
        for e in found
    ]


def versions_of(source: Source) -> QuerySet[Version]:
    """What its imports gave, the newest first; purged ones too."""
    found = Version.objects.filter(dataset__source=source).select_related("dataset__project", "run__user")
    return found.order_by("-number")


def runs_of(source: Source) -> QuerySet[Run]:
    found = Run.objects.filter(project=source.project_id, kind__in=READING, subject=source.name)
    return found.select_related("project", "user").order_by("-pk")


def mapped(source: Source) -> QuerySet[Event]:
    """Its mappings, the newest first, as the audit log has them."""
    own = {"project": source.project_id, "kind": "source", "object_id": source.pk}
    found: QuerySet[Event] = Event.objects.filter(**own, verb="mapped")
    return found.select_related("who").order_by("-pk")
