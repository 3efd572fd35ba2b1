"""
What waits for a person: every app says what it has, the dashboard lists it.

A finder takes a constant number of queries, whatever it finds, and tells one thing once: many of a kind are one line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone

from curation.models import DECONTAMINATION, Check, Export, Kind, Project, Run, Source, Token, Version

LATELY = timedelta(days=7)
NAMED = 3


@dataclass(frozen=True, slots=True)
class Waiting:
    """`count` `what`, since when, and where to go; `wrong` is for what is past a limit or failed."""

    count: int
    what: str
    note: str
    since: datetime | None
    url: str
    action: str
    wrong: bool = False


Finder = Callable[[Project, Any], Iterable[Waiting]]
FINDERS: list[tuple[Finder, bool]] = []


def register(finder: Finder, *, curators: bool = True) -> Finder:
    """What `curators` alone can do is not shown to those who only look."""
    FINDERS.append((finder, curators))
    return finder


def waiting(project: Project, user: Any) -> list[Waiting]:
    """What waits for this user in this project; what is wrong comes first."""
    may = Project.objects.run_by(user).filter(pk=project.pk).exists()
    found = [one for finder, curators in FINDERS if may or not curators for one in finder(project, user)]
    return sorted(found, key=lambda one: not one.wrong)


def named(names: Iterable[str]) -> str:
    """The first three, and how many more."""
    names = list(dict.fromkeys(names))
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")


def many(count: int, one: str, more: str) -> str:
    return one if count == 1 else more


def failed_runs(project: Project, _user: Any) -> Iterator[Waiting]:
    """Of the last week, unless the same was done since, or runs again."""
    since = Run.objects.filter(project=project, kind=OuterRef("kind"), subject=OuterRef("subject"))
    again = since.filter(Q(status=Run.Status.DONE) | Q(status__in=Run.ACTIVE), pk__gt=OuterRef("pk"))
    failed = project.runs.filter(status=Run.Status.FAILED, finished__gt=timezone.now() - LATELY)
    runs = list(failed.exclude(Exists(again)).order_by("-pk")[:100])
    if not runs:
        return
    for run in runs:
        run.project = project
    note = f"{runs[0].kind} {runs[0].subject}: {runs[0].error[:200]}" if len(runs) == 1 else ""
    yield Waiting(
        len(runs),
        many(len(runs), "run failed and waits for a decision", "runs failed and wait for a decision"),
        note or named(f"{run.kind} {run.subject}" for run in runs),
        runs[0].finished,
        runs[0].get_absolute_url() if len(runs) == 1 else reverse("runs", args=[project]) + "?state=failed",
        "See why",
        wrong=True,
    )


def rejected_rows(project: Project, _user: Any) -> Iterator[Waiting]:
    """What the newest import of a source could not read."""
    imports = Version.objects.newest().filter(dataset__project=project, role="records", facts__rejected__gt=0)
    found = list(
        imports.filter(dataset__source__isnull=False).select_related("dataset__source").order_by("-pk")[:100]
    )
    if not found:
        return
    reasons = (f"{count:,} × “{why[:80]}”" for why, count in found[0].facts.get("reasons", {}).items())
    alone, rejected = len(found) == 1, sum(version.facts["rejected"] for version in found)
    source = found[0].dataset.source
    of = source.name if alone and source else f"{len(found)} sources"
    yield Waiting(
        rejected,
        many(rejected, f"row of {of} was not read", f"rows of {of} were not read"),
        named(reasons) if alone else named(version.dataset.name for version in found),
        found[0].created,
        reverse("source-errors", args=[project, of]) if alone else reverse("sources", args=[project]),
        "See lines",
    )


def stale_checks(project: Project, _user: Any) -> Iterator[Waiting]:
    """Newest versions whose verdict was about a benchmark that has changed since."""
    later = Check.objects.filter(version=OuterRef("version"), kind=OuterRef("kind"), pk__gt=OuterRef("pk"))
    stale = Check.objects.filter(version__in=Version.objects.newest().filter(dataset__project=project))
    stale = stale.filter(status=Check.Status.STALE).exclude(Exists(later))
    found = list(stale.select_related("version__dataset").order_by("-pk")[:100])
    versions = list({check.version_id: check.version for check in found}.values())
    if not versions:
        return
    first = versions[0]
    yield Waiting(
        len(versions),
        many(len(versions), "version has a stale check", "versions have a stale check"),
        f"a benchmark changed since: {named(str(version) for version in versions)}",
        None,
        reverse("version-checks", args=[project, first.dataset.name, first.number])
        if len(versions) == 1
        else reverse("datasets", args=[project]),
        "Check again",
    )


def overridden_exports(project: Project, _user: Any) -> Iterator[Waiting]:
    found = Export.objects.published().filter(mixture__project=project).exclude(override="")
    exports = list(found.select_related("mixture__project").order_by("-pk")[:100])
    if exports:
        yield Waiting(
            len(exports),
            many(len(exports), "export is out without its checks", "exports are out without their checks"),
            named(f"{export}: “{export.override[:80]}”" for export in exports),
            exports[0].created,
            exports[0].get_absolute_url() if len(exports) == 1 else reverse("exports", args=[project]),
            "Look again",
            wrong=True,
        )


def expiring_tokens(project: Project, user: Any) -> Iterator[Waiting]:
    soon = Token.objects.good().filter(project=project, user=user.pk, expires__lt=timezone.now() + LATELY)
    tokens = list(soon.order_by("expires")[:100])
    if tokens:
        yield Waiting(
            len(tokens),
            many(len(tokens), "token of yours expires within a week", "tokens of yours expire within a week"),
            named(token.name for token in tokens),
            None,
            reverse("tokens", args=[project]),
            "Make another",
        )


def idle_sources(project: Project, _user: Any) -> Iterator[Waiting]:
    """Registered, and never imported nor about to be."""
    running = Run.objects.active().filter(project=project, kind="import", subject=OuterRef("name"))
    idle = Source.objects.filter(project=project, datasets=None).exclude(Exists(running))
    sources = list(idle.order_by("-pk")[:100])
    if sources:
        yield Waiting(
            len(sources),
            many(
                len(sources),
                "source is registered, but not imported",
                "sources are registered, but not imported",
            ),
            named(source.name for source in sources),
            sources[0].created,
            reverse("source", args=[project, sources[0].name])
            if len(sources) == 1
            else reverse("sources", args=[project]),
            "Import",
        )


def unchecked_datasets(project: Project, _user: Any) -> Iterator[Waiting]:
    """Newest records that nobody compared with any benchmark, where exports need that."""
    if DECONTAMINATION not in project.required_checks:
        return
    checked = Check.objects.filter(kind=DECONTAMINATION)
    newest = Version.objects.newest().filter(dataset__project=project, dataset__kind=Kind.RECORDS)
    bare = newest.exclude(Exists(checked.filter(version=OuterRef("pk"))))
    bare = bare.exclude(Exists(checked.filter(version=OuterRef("subset_of"))))
    versions = list(bare.select_related("dataset").order_by("-pk")[:100])
    if versions:
        yield Waiting(
            len(versions),
            many(
                len(versions),
                "dataset was never compared with a benchmark",
                "datasets were never compared with a benchmark",
            ),
            named(str(version) for version in versions),
            versions[0].created,
            reverse("version-checks", args=[project, versions[0].dataset.name, versions[0].number])
            if len(versions) == 1
            else reverse("datasets", args=[project]),
            "See checks",
        )


for _finder in (
    failed_runs,
    overridden_exports,
    stale_checks,
    unchecked_datasets,
    rejected_rows,
    idle_sources,
):
    register(_finder)
register(expiring_tokens, curators=False)
