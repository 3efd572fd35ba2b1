"""A run in a heading and a sentence: what runs, on what, and where it stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import timezone

from curation.models import Run, RunInput, Version, Worker
from curation.questions.watching import StageLine, Standing, lasting


def heading(run: Run, edges: Iterable[RunInput]) -> str:
    """What runs: `Import prompts`, `Scan chat@2 against 12 benchmarks`."""
    by_role: dict[str, list[Version]] = {}
    for edge in edges:
        by_role.setdefault(edge.role, []).append(edge.version)
    ahead = by_role.get("training") or by_role.get("mixture")
    about = str(ahead[0]) if ahead and len(ahead) == 1 else run.subject
    if evidence := by_role.get("matches"):
        return f"{run.kind.capitalize()} {evidence[0]} to {about}"
    against = len(by_role.get("benchmarks", []))
    tail = f" against {against} {'benchmark' if against == 1 else 'benchmarks'}" if against else ""
    return f"{run.kind.capitalize()} {about}{tail}".strip()


@dataclass(frozen=True, slots=True)
class Headline:
    """The state of a run in a title and a remark."""

    title: str
    note: str = ""
    wrong: bool = False


def headline(run: Run, lines: list[StageLine], outputs: Iterable[Version]) -> Headline:
    standing = lines[run.stage].standing if run.stage < len(lines) else Standing()
    if run.status in Run.ACTIVE:
        return _under_way(run, standing, len(lines))
    kept = f"{standing.through:,} of {standing.parts:,} parts of {run.stage_name} are done and stay"
    if not standing.through:
        kept = f"No part of {run.stage_name} was finished"
    if run.status == Run.Status.PAUSED:
        return Headline(
            f"Paused in {run.stage_name} at {standing.percent}", f"{kept}; resuming goes on from there."
        )
    if run.status == Run.Status.CANCELLED:
        return Headline(f"Cancelled in {run.stage_name}", f"{kept}, until a sweep clears them away.")
    if run.status == Run.Status.FAILED:
        again = "put right what the error names, then retry the parts that are not done."
        return Headline(f"Failed in {run.stage_name}", f"{kept}; {again}", wrong=True)
    made = [
        f"{version} with {version.rows:,} {'row' if version.rows == 1 else 'rows'}" for version in outputs
    ]
    return Headline(f"Done in {took(run)}", f"Made {', '.join(made)}." if made else "")


def _under_way(run: Run, standing: Standing, count: int) -> Headline:
    where = f"Stage {run.stage + 1} of {count}, {standing.through:,} of {standing.parts:,} parts"
    again = f", {standing.again:,} to try again" if standing.again else ""
    if not standing.working and not standing.partly and not standing.through:
        if not Worker.objects.serving(run.queue):
            return Headline(
                f"No worker takes runs of the queue {run.queue}",
                "Start one with `python manage.py worker`, or web and workers together with `manage.py up`.",
                wrong=True,
            )
        return Headline(f"{run.stage_name.capitalize()}: waits for a worker", f"{where}{again}.")
    last = "" if run.stage + 1 == count else " in this stage"
    left = f", about {standing.left} left{last}" if standing.left else ""
    return Headline(f"{run.stage_name.capitalize()}: {standing.percent} done{left}", f"{where}{again}.")


def took(run: Run) -> str:
    """From when it was taken up to its end, or to now."""
    begin, end = run.started or run.created, run.finished or timezone.now()
    return lasting((end - begin).total_seconds())
