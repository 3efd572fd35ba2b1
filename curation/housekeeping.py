"""Sweep what no row stands for; purge what must go, and withdraw what was made of it."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from curation.models import Export, Run, Version, store


def litter(hours: float) -> Iterator[str]:
    """Folders below the store's root that no version or export needs, of runs that ended long enough ago."""
    kept = set(Version.objects.live().values_list("folder", flat=True))
    kept |= set(Export.objects.published().values_list("folder", flat=True))
    runs = {name.partition("-")[0]: name for name in store().folders()}
    ended = Run.objects.filter(finished__lt=timezone.now() - timedelta(hours=hours), status__in=Run.OVER)
    over = {str(pk) for pk in ended.values_list("pk", flat=True)}
    for pk in sorted(over & set(runs), key=int):
        below = {f"{runs[pk]}/{name}" for name in store().folders(runs[pk])}
        yield from ([runs[pk]] if not below & kept else sorted(below - kept))


def sweep(folders: Iterable[str]) -> None:
    for folder in folders:
        store().remove(folder)


def descendants(version: Version) -> set[int]:
    """Keys of all versions that were made from this one, at any distance."""
    found: set[int] = set()
    edge = {version.pk}
    while edge:
        made = Version.objects.filter(run__inputs__in=edge).exclude(pk__in=found).values_list("pk", flat=True)
        edge = set(made)
        found |= edge
    return found


@transaction.atomic
def purge(version: Version, reason: str, *, by: Any) -> list[Export]:
    """Delete a version's files; returns the exports that were withdrawn because of it."""
    version.purge(reason, by=by, at=timezone.now())
    touched = Export.objects.filter(version__in={version.pk} | descendants(version))
    return touched.withdraw(f"{version} was purged: {reason}", by=by)
