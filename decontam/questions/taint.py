"""Which rows of a project were made from rows that `apply` removed."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial

from django.core.cache import cache

from curation.engine.errors import BadInput
from curation.models import Kind, Project, RunInput, Version, store
from decontam.engine.taint import COLUMNS, have_parents, tainted

FIRST = 1_000
Children = Callable[[Collection[str]], dict[str, str]]


@dataclass(frozen=True, slots=True)
class Offspring:
    """The rows of one version that descend from removed rows: each with the parent by which it does."""

    version: Version
    rows: dict[str, str]

    @property
    def first(self) -> list[tuple[str, str]]:
        return sorted(self.rows.items())[:FIRST]


def removed_version(project: Project, name: str, number: int) -> Version:
    """BadInput when it is no version of removed rows."""
    version = Version.objects.named(project, f"{name}@{number}")
    if version.kind != Kind.REMOVED:
        raise BadInput(f"{version} holds {version.kind.label}, not {Kind.REMOVED.label}.")
    return version


def offspring(removed: Version) -> list[Offspring]:
    """What was made from the rows of a version of removed rows, in every version of its project, oldest first."""
    return made_from(removed.dataset.project, _ids([removed]))


def made_from(project: Project, removed: Collection[str]) -> list[Offspring]:
    """The same for rows by their ids."""
    versions = _with_parents(project) if removed else []
    found = tainted([_read(version) for version in versions], removed)
    return [Offspring(version, rows) for version, rows in zip(versions, found, strict=True) if rows]


def children_in(version: Version) -> Children:
    """
    Asks which rows of a version descend from given rows, or from rows that were removed from other versions: for each
    the parent by which it does. What an earlier applying removed from the version itself is judged anew.
    """
    project = version.dataset.project

    def children(removed: Collection[str]) -> dict[str, str]:
        if not _parents_in(version):
            return {}
        versions = [version, *(one for one in _with_parents(project) if one.pk != version.pk)]
        bad = _ids(_removals(project, version)) | set(removed)
        return tainted([_read(one) for one in versions], bad)[0] if bad else {}

    return children


def _removals(project: Project, besides: Version) -> list[Version]:
    """What applying took out of each other version, the last time."""
    edges = RunInput.objects.filter(
        role="training", run__kind="apply", run__status="done", run__project=project
    ).order_by("run")
    newest = {edge.version_id: edge.run_id for edge in edges if edge.version_id != besides.pk}
    found = Version.objects.live().filter(run__in=newest.values(), dataset__kind=Kind.REMOVED)
    return list(found.select_related("dataset__project").order_by("pk"))


def _with_parents(project: Project) -> list[Version]:
    kinds = (Kind.RECORDS, Kind.MIXTURE)
    live = Version.objects.live().filter(dataset__project=project, dataset__kind__in=kinds).order_by("pk")
    return [version for version in live.select_related("dataset__project") if _parents_in(version)]


def _parents_in(version: Version) -> bool:
    """Kept: a version never changes."""
    key = f"parents-{version.content_hash}"
    found: bool | None = cache.get(key)
    if found is None:
        found = have_parents(store(), version.shards())
        cache.set(key, found)
    return found


def _read(version: Version) -> Callable[[], Iterable]:  # type: ignore[type-arg]
    return partial(version.batches, COLUMNS)


def _ids(removed: Iterable[Version]) -> set[str]:
    return {
        record_id
        for version in removed
        for batch in version.batches(["record_id"])
        for record_id in batch.column("record_id").to_pylist()
    }
