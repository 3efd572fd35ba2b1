"""Through the sieve: how many rows came in, and how many each step left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse

from curation.models import Kind, Project, Version


@dataclass(frozen=True, slots=True)
class Step:
    """What a step took out and what it left; shares are of all rows that came in."""

    name: str
    note: str
    out: int | None
    kept: int
    url: str
    kept_share: float
    out_share: float


def steps(project: Project) -> list[Step]:
    """Only steps that were taken; three queries."""
    newest = Version.objects.newest().filter(dataset__project=project).select_related("dataset")
    imported = list(newest.filter(dataset__kind=Kind.RECORDS, role="records", dataset__source__isnull=False))
    if not imported:
        return []
    cleaned = {v.subset_of_id: v.rows for v in newest.filter(subset_of__in=[v.pk for v in imported])}
    mixture = newest.filter(dataset__kind=Kind.MIXTURE).order_by("-pk").first()
    return list(_steps(project, imported, cleaned, mixture))


def _steps(
    project: Project, imported: list[Version], cleaned: dict[int | None, int], mixture: Version | None
) -> Iterator[Step]:
    mapped = sum(version.rows for version in imported)
    rejected = sum(int(version.facts.get("rejected", 0)) for version in imported)
    registered = mapped + rejected

    def step(name: str, note: str, out: int | None, kept: int, url: str) -> Step:
        whole = registered or 1
        return Step(name, note, out, kept, url, min(1.0, kept / whole), min(1.0, max(0, out or 0) / whole))

    sources, datasets = reverse("sources", args=[project]), reverse("datasets", args=[project])
    count = f"{len(imported)} {'source' if len(imported) == 1 else 'sources'}"
    yield step("Registered", f"rows read from {count}", None, registered, sources)
    yield step("Mapped", f"{rejected:,} import errors", rejected, mapped, sources)
    left = mapped
    if cleaned:
        left = sum(cleaned.get(version.pk, version.rows) for version in imported)
        told = f"matches removed from {len(cleaned)} of {count}"
        yield step("Decontaminated", told, mapped - left, left, datasets)
    if mixture:
        out = left - mixture.rows if mixture.rows <= left else None
        mixture.dataset.project = project
        told = f"chosen for {mixture}" if out is not None else f"{mixture} repeats or adds rows"
        yield step("In the mixture", told, out, mixture.rows, mixture.get_absolute_url())
