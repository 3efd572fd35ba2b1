"""Sweep what no row stands for; purge what must go, and withdraw what was made of it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from curation.locations import stray_uploads
from curation.models import Export, Project, Run, Version, store
from curation.questions.looks import kept_samples


def litter(hours: float) -> Iterator[tuple[Run, list[str]]]:
    """
    Runs that ended long enough ago, with the folders of theirs that no version or export stands for, and that are not
    the sample of the newest look at a source.
    """
    kept = set(Version.objects.live().values_list("folder", flat=True))
    kept |= set(Export.objects.published().values_list("folder", flat=True))
    kept |= kept_samples()
    ended = Run.objects.filter(status__in=Run.OVER, finished__lt=timezone.now() - timedelta(hours=hours))
    over = {run.folder: run for run in ended.filter(pk__in=[n for n in store().folders() if n.isdecimal()])}
    for folder, run in sorted(over.items(), key=lambda pair: pair[1].pk):
        below = {f"{folder}/{name}" for name in store().folders(folder)}
        if below - kept:
            yield run, [folder] if not below & kept else sorted(below - kept)


def sweep(hours: float) -> list[str]:
    """
    Remove the litter, and uploads that nothing points to; a run whose files are gone cannot be resumed any more.
    Returns the folders.
    """
    removed = stray_uploads(hours)
    for folder in removed:
        store().remove(folder)
    for run, folders in litter(hours):
        if Run.objects.filter(pk=run.pk, status__in=Run.OVER).update(swept=Now()):
            for folder in folders:
                store().remove(folder)
            removed += folders
    return removed


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
    """
    Delete a version's files and those of its profiles and token counts, which quote it; returns the exports that were
    withdrawn because of it.

    The project is locked, so that no export of it is published between the two.
    """
    Project.objects.select_for_update(no_key=True).get(pk=version.dataset.project_id)
    for doomed in [version, *Version.objects.profiles_of(version), *Version.objects.counts_of(version)]:
        doomed.purge(reason, by=by, at=timezone.now())
    touched = Export.objects.filter(version__in={version.pk} | descendants(version))
    return touched.withdraw(f"{version} was purged: {reason}", by=by)
