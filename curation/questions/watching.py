"""How far a run is: its stages, its rate, about how long it will take yet, and the first rows of what it made."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    Case,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    FloatField,
    Max,
    Min,
    Q,
    Sum,
    When,
)
from django.db.models.functions import Cast, Coalesce, Now
from django.utils import timezone

from curation import jobs
from curation.models import Kind, Part, Run, Version

MANY_PARTS = 400
SOON = 3.0  # seconds of work before which no time left is told
READABLE = (Kind.RECORDS, Kind.MIXTURE, Kind.BENCHMARK)
SHOWN_STATES = {"done": "done", "failed": "failed", "paused": "stopped", "cancelled": "stopped"}


def _lasted(end: Any) -> Any:
    return ExpressionWrapper(end - F("started"), output_field=DurationField())


_begun = ~Q(status=Part.Status.DONE) & Q(total__gt=0)
_share = Cast(F("done"), FloatField()) / Cast(F("total"), FloatField())
FIGURES: dict[str, Any] = {
    "parts": Count("pk"),
    "through": Count("pk", filter=Q(status=Part.Status.DONE)),
    "working": Count("pk", filter=Q(status=Part.Status.RUNNING)),
    "failed": Count("pk", filter=Q(status=Part.Status.FAILED)),
    "again": Count("pk", filter=Q(status=Part.Status.OPEN, tries__gt=0)),
    "rows": Coalesce(Sum("done"), 0),
    "of": Coalesce(Sum("total"), 0),
    "partly": Coalesce(Sum(Case(When(_begun, then=_share), default=0.0)), 0.0),
    "ended": Sum(_lasted(F("finished")), filter=Q(status=Part.Status.DONE)),
    "going": Sum(_lasted(Now()), filter=Q(status=Part.Status.RUNNING)),
    "first": Min("started"),
    "last": Max("finished"),
    "beat": Max("heartbeat", filter=Q(status=Part.Status.RUNNING)),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Of the parts of one stage: how many are through, how much was done, and when they were worked on."""

    parts: int = 0
    through: int = 0
    working: int = 0
    failed: int = 0
    again: int = 0
    rows: int = 0
    of: int = 0
    partly: float = 0.0
    ended: timedelta | None = None
    going: timedelta | None = None
    first: datetime | None = None
    last: datetime | None = None
    beat: datetime | None = None

    @property
    def waiting(self) -> int:
        return self.parts - self.through - self.working - self.failed

    @property
    def share(self) -> float:
        """0 to 1; a part that is under way counts by its rows."""
        return min(1.0, (self.through + self.partly) / self.parts) if self.parts else 0.0

    @property
    def worked(self) -> float:
        """Seconds of work of all workers together; pauses between attempts do not count."""
        return sum((spent.total_seconds() for spent in (self.ended, self.going) if spent), 0.0)

    @property
    def rate(self) -> float | None:
        """Rows a second of one worker."""
        return self.rows / self.worked if self.rows and self.worked >= 1 else None

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far, with as many workers as now; None where that would be a guess."""
        if not self.working or self.worked < SOON or self.share < 0.02:
            return None
        left = self.parts - self.through - self.partly
        return max(0.0, left * self.worked / (self.through + self.partly) / self.working)

    @property
    def left(self) -> str:
        return roughly(self.seconds_left)

    @property
    def percent(self) -> str:
        """Whole percents, rounded down: 100 only at the end."""
        return f"{int(100 * self.share)} %"

    @property
    def took(self) -> str:
        """From the first part taken to the last one finished, or to now while some are under way."""
        if self.first is None:
            return ""
        end = timezone.now() if self.working or self.last is None else self.last
        return lasting((end - self.first).total_seconds())

    @property
    def silent(self) -> str:
        """Since the last sign of life of a worker."""
        return lasting((timezone.now() - self.beat).total_seconds()) if self.beat else ""


def lasting(seconds: float | None) -> str:
    """9 s · 1 min 20 s · 2 h 5 min; nothing for what is not known."""
    if seconds is None:
        return ""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s" if seconds >= 1 else "< 0.1 s" if seconds < 0.1 else f"{seconds:.1f} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def standings(runs: Collection[Run]) -> dict[int, Standing]:
    """The present stage of each of these runs, in one query."""
    parts = Part.objects.filter(run__in=[run.pk for run in runs], stage=F("run__stage"))
    return {row.pop("run"): Standing(**row) for row in parts.order_by().values("run").annotate(**FIGURES)}


def roughly(seconds: float | None) -> str:
    """A guess, no finer than it can be: a few seconds · 35 s · 1 min 20 s · 12 min."""
    if seconds is None:
        return ""
    if seconds < 8:
        return "a few seconds"
    step = 5 if seconds < 60 else 10 if seconds < 600 else 60
    text = lasting(step * max(1, round(seconds / step)))
    return text.removesuffix(" 0 s").removesuffix(" 0 min")


@dataclass(frozen=True, slots=True)
class StageLine:
    """One line of the table of stages."""

    number: int
    name: str
    state: str
    standing: Standing
    current: bool
    rows_out: int | None = None

    @property
    def shown(self) -> str:
        return SHOWN_STATES.get(self.state, self.state)


def stages(run: Run) -> list[StageLine]:
    """Every stage of the job, those to come as well."""
    rows = run.parts.order_by().values("stage").annotate(**FIGURES)
    found = {row.pop("stage"): Standing(**row) for row in rows}
    made = rows_out(run) if sum(one.parts for one in found.values()) <= MANY_PARTS else {}
    job = jobs.JOBS.get(run.kind)
    names = (
        [stage.name for stage in job.stages]
        if job
        else [f"stage {n + 1}" for n in range(max(found, default=0) + 1)]
    )
    return [
        StageLine(
            number,
            name,
            _state(run, number, found.get(number, Standing())),
            found.get(number, Standing()),
            current=number == run.stage and not run.over,
            rows_out=made.get(number),
        )
        for number, name in enumerate(names)
    ]


def _state(run: Run, number: int, standing: Standing) -> str:
    if run.status == Run.Status.DONE or number < run.stage:
        return "done" if standing.parts else "nothing to do"
    if number > run.stage:
        return "waiting"
    if run.status in Run.ACTIVE:
        return "running" if standing.working or standing.through else "waiting"
    return str(run.status)


def rows_out(run: Run) -> dict[int, int]:
    """What the finished parts of each stage say that they made, where they say so."""
    made: dict[int, int] = {}
    for stage, result in run.parts.filter(status=Part.Status.DONE).values_list("stage", "result"):
        if (rows := _rows(result)) is not None:
            made[stage] = made.get(stage, 0) + rows
    return made


def _rows(result: Any) -> int | None:
    """Of what a part came to: the rows it names, or those of its shards."""
    if not isinstance(result, dict):
        return None
    for made in (result.get("shard"), result.get("records"), result.get("clean")):
        if isinstance(made, dict) and isinstance(made.get("rows"), int):
            return int(made["rows"])
    shards = result.get("shards")
    if isinstance(shards, list | tuple):
        return sum(int(shard.get("rows", 0)) for shard in shards if isinstance(shard, dict))
    return None


@dataclass(frozen=True, slots=True)
class Sample:
    version: Version
    rows: list[tuple[str, str]]


def samples(outputs: Iterable[Version], rows: int = 3) -> list[Sample]:
    """The first rows of what came out, as their ids and how they begin."""
    return [Sample(version, _first_rows(version, rows)) for version in outputs if version.kind in READABLE]


def _first_rows(version: Version, rows: int) -> list[tuple[str, str]]:
    if version.purged:
        return []
    try:
        batches = version.batches(["id", "messages.list.element.content"])
        batch = next((found for found in batches if found.num_rows), None)
    except OSError:
        return []
    told = batch.slice(0, rows).to_pylist() if batch else []
    return [
        (row["id"], next((turn["content"] or "" for turn in row["messages"] or []), "")[:200]) for row in told
    ]
