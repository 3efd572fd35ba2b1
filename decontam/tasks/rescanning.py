"""Scan once more where benchmarks changed: only items that the earlier scan did not know are matched."""

from typing import Any

from curation import jobs
from curation.engine.configs import load
from curation.engine.errors import Refused
from curation.models import Project, Run, Version
from decontam.engine.scan import ScanConfig
from decontam.questions.overlap import Cell, overlap
from decontam.questions.scans import finished
from decontam.tasks.earlier import COMPARED, EARLIER
from decontam.tasks.scanning import BACKGROUND_OF, ELSEWHERE, SCAN, require_scannable


def start_rescan(scan: Run, benchmarks: list[Version] | None = None, *, user: Any = None) -> Run:
    """
    The scan of the same rows with the same settings against new versions of benchmarks; the newest of its own unless
    they are given. What it finds is what a full scan would, and what is taken over keeps its judgement. New rows need
    a full scan.
    """
    finished(scan)
    training, matches, before = scan.input("training"), scan.output("matches"), scan.inputs_of("benchmarks")
    benchmarks = benchmarks or [version.dataset.newest() or version for version in before]
    _refuse_what_depends_on_others(scan, matches)
    require_scannable(training, benchmarks)
    given = {"training": training, "benchmarks": benchmarks, EARLIER: matches, COMPARED: before}
    given |= {role: scan.inputs_of(role) for role in (ELSEWHERE, BACKGROUND_OF)}
    config, name = load(ScanConfig, scan.config), training.dataset.name
    return jobs.start(SCAN, project=scan.project, config=config, inputs=given, subject=name, user=user)


def _refuse_what_depends_on_others(scan: Run, matches: Version) -> None:
    """Closeness in meaning is calibrated for all items of a benchmark together."""
    if "semantic" in matches.facts["methods"]:
        raise Refused(
            f"Scan {scan.pk} looked for meaning, which was calibrated for the items as they were; scan all of it again."
        )


def rescan_benchmark(project: Project, name: str, *, user: Any = None) -> list[Run]:
    """Every scan whose counts stand for a dataset and an earlier version of this benchmark, once more."""
    outdated = {
        cell.scan: cell for cell in overlap(project).cells if cell.line["benchmark"] == name and _may(cell)
    }
    if not outdated:
        raise Refused(f"No scan of rows that are still the newest is outdated by {name}.")
    scans = Run.objects.filter(pk__in=outdated).select_related("project").order_by("pk")
    return [start_rescan(scan, user=user) for scan in scans]


def _may(cell: Cell) -> bool:
    return bool(cell.outdated) and cell.same_rows
