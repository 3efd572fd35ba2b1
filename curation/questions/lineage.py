"""Where a version comes from and what was made of it, as columns of a graph, nearest steps only."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from curation.gates import ROWS_COME_FROM
from curation.models import Kind, Run, Source, Version

STEPS = 3
ASIDE = (Kind.PROFILE, Kind.CAUSES, Kind.COMMON, Kind.ORIGINS)


@dataclass(slots=True)
class Column:
    """What lies so many steps before (negative) or behind the version of the page."""

    step: int
    sources: list[Source] = field(default_factory=list)
    versions: list[Version] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)


def lineage(version: Version) -> list[Column]:
    """From the sources to what was made of the rows, oldest first; the column of step 0 is the version itself."""
    before: list[Column] = []
    edge, seen = [version], {version.pk}
    for step in range(1, STEPS + 1):
        above = _fresh(_read_by([one.run_id for one in edge]), seen)
        sources = _sources(edge)
        if not (above or sources):
            break
        before.append(Column(-step, sources, above, list({one.run_id: one.run for one in edge}.values())))
        edge = above
    return [*reversed(before), Column(0, versions=[version]), *_made_of(version, seen)]


def _made_of(version: Version, seen: set[int]) -> list[Column]:
    columns: list[Column] = []
    edge = [version]
    for step in range(1, STEPS + 1):
        runs = Run.objects.filter(run_inputs__version__in=edge, run_inputs__role__in=ROWS_COME_FROM)
        made = Version.objects.filter(run__in=runs).exclude(dataset__kind__in=ASIDE)
        below = _fresh(made.select_related("dataset__project", "run__project"), seen)
        if not below:
            break
        columns.append(
            Column(step, versions=below, runs=list({one.run_id: one.run for one in below}.values()))
        )
        edge = below
    return columns


def _read_by(runs: Iterable[int]) -> Iterable[Version]:
    read = Version.objects.filter(run_inputs__run__in=runs, run_inputs__role__in=ROWS_COME_FROM)
    return (
        read.select_related("dataset__project", "dataset__source", "run__project").distinct().order_by("pk")
    )


def _sources(edge: Iterable[Version]) -> list[Source]:
    """Of versions that an import made."""
    found = {
        v.dataset.source_id: v.dataset.source for v in edge if v.run.kind == "import" and v.dataset.source
    }
    return [source for source in found.values() if source]


def _fresh(versions: Iterable[Version], seen: set[int]) -> list[Version]:
    fresh = [version for version in versions if version.pk not in seen]
    seen.update(version.pk for version in fresh)
    return fresh
