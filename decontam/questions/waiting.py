"""What decontamination leaves to people: matches to rule on, and sources over the line."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Exists, OuterRef
from django.urls import reverse

from curation.models import Kind, Project, Run, RunInput, Version
from curation.questions.waiting import Waiting, many, named, register
from decontam.models import Ruling

UNSEEN = "unseen"


def _scans(project: Project) -> list[tuple[Run, bool]]:
    """The newest finished scan of every newest version, and whether its matches were applied."""
    applied = RunInput.objects.filter(role="matches", version__run=OuterRef("run"), run__kind="apply")
    applied = applied.exclude(run__status__in=[Run.Status.FAILED, Run.Status.CANCELLED])
    newest = Version.objects.newest().filter(dataset__project=project)
    edges = RunInput.objects.filter(
        run__project=project,
        run__kind="scan",
        run__status=Run.Status.DONE,
        role="training",
        version__in=newest,
    )
    edges = edges.exclude(version__dataset__kind=Kind.BENCHMARK)  # of these nothing is taken out
    edges = edges.annotate(applied=Exists(applied)).select_related("run").order_by("run")
    return list({edge.version_id: (edge.run, edge.applied) for edge in edges}.values())


def to_review(project: Project) -> list[Run]:
    """Scans that found something and were not applied yet."""
    return [scan for scan, applied in _scans(project) if not applied and scan.summary.get("matches")]


def unruled(project: Project, _user: Any) -> Iterator[Waiting]:
    """Matches of scans that were not applied yet."""
    scans = to_review(project)
    if not scans:
        return
    subjects = [scan.subject for scan in scans]
    ruled = Ruling.objects.filter(project=project, act__scan__subject__in=subjects).count()
    rows = sum(
        scan.summary["training_rows_hit"] + scan.summary.get("rows_close_in_meaning", 0) for scan in scans
    )
    lines = [line for scan in scans for line in scan.summary["lines"]]
    hit = {line["benchmark"] for line in lines if line["items_hit"] or line.get("close_in_meaning")}
    against = f"{len(hit)} {many(len(hit), 'benchmark', 'benchmarks')}"
    done = f"; {ruled:,} {many(ruled, 'pair', 'pairs')} ruled so far" if ruled else ""
    most = max(scans, key=lambda scan: int(scan.summary["matches"]))
    yield Waiting(
        rows,
        many(
            rows,
            f"row matches {against} and waits for a ruling",
            f"rows match {against} and wait for a ruling",
        ),
        f"{many(len(scans), 'scan', 'scans')} of {named(subjects)}{done}",
        min(scan.finished for scan in scans if scan.finished),
        reverse("review", args=[project, most.pk]),
        "Review",
    )


def over_the_line(project: Project, _user: Any) -> Iterator[Waiting]:
    """Pairs over the 2 % line: until they are applied, or for good where the benchmark is held out."""
    pairs = [
        f"{scan.subject} × {line['benchmark']}"
        for scan, applied in _scans(project)
        for line in scan.summary.get("lines", [])
        if line["over_line"] and (not applied or line["role"] == UNSEEN)
    ]
    if pairs:
        yield Waiting(
            len(pairs),
            many(
                len(pairs),
                "pair of dataset and benchmark is over the 2 % line",
                "pairs of dataset and benchmark are over the 2 % line",
            ),
            named(pairs),
            None,
            reverse("decontamination", args=[project]),
            "Overlap",
            wrong=True,
        )


register(unruled)
register(over_the_line)
