"""
Start runs and execute their parts. The database row is the truth; the broker only rings a bell.

A job is a list of stages; each is planned when the one before it is through, as a list of specs, one per part.
A bell carries the id of a run; whoever hears it takes open parts until none is left, so a lost, late or doubled
bell does no harm. The last stage is one part that publishes.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import Error as DatabaseFault
from django.db import transaction
from django.db.models import F, Max
from django.db.models.functions import Now

from curation.engine.configs import dump
from curation.engine.errors import DataError, Leaving, Refused, Stopped
from curation.models import (
    Check,
    Dataset,
    Kind,
    Line,
    Output,
    Part,
    Project,
    Run,
    RunInput,
    Version,
    Worker,
    store,
)
from curation.models.run import storable
from curation.pulse import Pulse, worker_name

log = logging.getLogger(__name__)
BELL = "curation.ring"
WHOLE: list[dict[str, Any]] = [{}]


@dataclass(frozen=True, slots=True)
class Stage:
    """`plan(run)` gives the spec of each part, `work(part)` does one and returns what JSON can hold."""

    name: str
    work: Callable[[Part], Any]
    plan: Callable[[Run], Iterable[dict[str, Any]]] = lambda _run: WHOLE


Renewed = Callable[[Version], Version]


@dataclass(frozen=True, slots=True)
class Again:
    """
    How a run is repeated on newer versions of its inputs: `roles` are the inputs that are renewed, and
    `start(run, renewed, user)` goes through the door that the run went through, with `renewed` for each of them.
    `undecided(new, old)` is a sentence where a person has to decide something before others go on from the new run.
    """

    roles: tuple[str, ...]
    start: Callable[[Run, Renewed, Any], Run]
    undecided: Callable[[Run, Run], str] = lambda _new, _old: ""


@dataclass(frozen=True, slots=True)
class Job:
    """`finish(run)` runs in the transaction that ends the run, when its versions exist."""

    kind: str
    stages: tuple[Stage, ...]
    finish: Callable[[Run], None] = lambda _run: None
    queue: str = "cpu"
    again: Again | None = None


JOBS: dict[str, Job] = {}
FOLLOWERS: list[tuple[tuple[Kind, ...], Callable[..., Any]]] = []


def register(job: Job) -> Job:
    JOBS[job.kind] = job
    return job


def follow(kinds: tuple[Kind, ...], begin: Callable[..., Any]) -> None:
    """Whenever a version of these kinds becomes visible, `begin(version, user=…)` starts what follows from it."""
    FOLLOWERS.append((kinds, begin))


@transaction.atomic
def start(
    job: Job,
    *,
    project: Project,
    config: Any,
    inputs: Mapping[str, Any] | None = None,
    subject: str = "",
    user: Any = None,
) -> Run:
    """
    The only door to a run: its row and its first parts, then a bell once they are committed.

    `inputs` maps a role to a version or to a list of versions; `subject` is what the run is about, by name.
    """
    run = Run.objects.create(
        project=project, kind=job.kind, queue=job.queue, subject=subject, config=dump(config), user=user
    )
    for role, given in (inputs or {}).items():
        versions = [given] if isinstance(given, Version) else given
        RunInput.objects.bulk_create(
            RunInput(run=run, version=version, role=role, position=i) for i, version in enumerate(versions)
        )
    _open_stage(run, 0)
    ring(run)
    return run


def resume(run: Run, *, by: Any) -> bool:
    """Take up a run that was paused, cancelled or failed; False when there is nothing to take up."""
    resumed = run.resume(by=by)
    if resumed:
        run.refresh_from_db()
        ring(run)
    return resumed


VERBS: dict[str, Callable[..., bool]] = {"cancel": Run.cancel, "pause": Run.pause, "resume": resume}


def turn(run: Run, verb: str, *, by: Any) -> None:
    """Do one of `VERBS` to a run. Refused when there is nothing to."""
    turned = VERBS[verb](run, by=by)
    run.refresh_from_db()
    if not turned:
        raise Refused(f"{run} is {run.status}; there is nothing to {verb}.")


def ring(run: Run, bells: int = 8) -> None:
    """Wake workers for the open parts of a run, once this transaction is committed."""
    pk, queue, bells = run.pk, run.queue, min(run.open, bells)
    transaction.on_commit(lambda: _send(pk, queue, bells), robust=True)


def _send(pk: int, queue: str, bells: int) -> None:
    for _ in range(bells):
        current_app.send_task(BELL, args=[pk], queue=queue, retry=False)


def _open_stage(run: Run, stage: int) -> None:
    """Insert the parts of a stage, passing over stages that have nothing to do; past the last the run is done."""
    job = JOBS[run.kind]
    for number in range(stage, len(job.stages)):
        specs = list(job.stages[number].plan(run))
        Part.objects.bulk_create(Part(run=run, stage=number, index=i, spec=s) for i, s in enumerate(specs))
        run.stage, run.open, run.stage_name = number, len(specs), job.stages[number].name
        run.save(update_fields=["stage", "open", "stage_name"])
        if specs:
            Line.objects.say(
                run, f"{run.stage_name}: {len(specs):,} {'part' if len(specs) == 1 else 'parts'}"
            )
            return
    _finish(run)


def _finish(run: Run) -> None:
    JOBS[run.kind].finish(run)
    run.save(update_fields=["summary"])
    Run.objects.filter(pk=run.pk).exclude(status__in=Run.OVER).update(status=Run.Status.DONE, finished=Now())
    Line.objects.say(run, "done")
    _wake(run)
    folder = f"{run.folder}/tmp"
    transaction.on_commit(lambda: store().remove(folder), robust=True)


def _wake(run: Run) -> None:
    """Whatever waited for this run goes on."""
    for waiting in Run.objects.active().filter(pk__in=Part.objects.wake(run)):
        ring(waiting, bells=1)


def work(run: int | None = None, *, queues: Collection[str] = ()) -> int:
    """Take open parts of `run`, then of any run of these queues, until none is open; how many were taken."""
    taken = 0
    while not Part.leaving.is_set() and (part := Part.objects.claim(worker_name(), run=run, queues=queues)):
        taken += 1
        Run.objects.filter(pk=part.run_id, status=Run.Status.QUEUED).update(
            status=Run.Status.RUNNING, started=Now()
        )
        with pulse.holding(part):
            _execute(part)
    return taken


def _execute(part: Part) -> None:
    """Do one part. Every way that it can end, short of the process being killed, is one of these."""
    try:
        result = JOBS[part.run.kind].stages[part.stage].work(part)
        _complete(part, result)
    except Leaving:
        part.let_go(counted=False)
    except Stopped:
        part.let_go()
    except DataError as error:
        _fail(part, str(error))
    except (OSError, DatabaseFault) as error:
        log.info("%s met a fault", part, exc_info=True)
        if part.tries < Part.MAX_TRIES:
            part.try_later()
            _say(part, f"met a fault and is tried again: {type(error).__name__}: {error}", "warning")
        else:
            _fail(part, f"After {part.tries} tries: {type(error).__name__}: {error}", traceback.format_exc())
    except Exception as error:
        log.exception("%s failed", part)
        _fail(part, f"Internal error: {type(error).__name__}: {error}", traceback.format_exc())
    except BaseException:
        part.let_go(counted=False)
        raise


@transaction.atomic
def _complete(part: Part, result: Any) -> None:
    """
    The part is done, its versions are visible, and the last one of its stage opens the next stage.

    The run is locked first: whoever stops it either comes before, and then nothing of this counts, or after.
    """
    run = Run.objects.held(part.run_id)
    if run.over or not part.mine().update(
        status=Part.Status.DONE, result=result, finished=Now(), done=F("total")
    ):
        part.let_go()
        return
    for output in part.outputs:
        record_version(run, output)
    run.open -= 1
    run.save(update_fields=["open"])
    if run.open == 0:
        _open_stage(run, part.stage + 1)
        if run.open:
            ring(run)


def record_version(run: Run, output: Output) -> Version:
    """The row that makes a written version visible; a new version of a benchmark makes earlier checks stale."""
    dataset, _ = Dataset.objects.select_for_update().get_or_create(
        project=run.project, name=output.dataset, defaults={"kind": output.kind}
    )
    Dataset.objects.require_kind(dataset, output.kind)
    newest = dataset.versions.aggregate(number=Max("number"))["number"] or 0
    before = dataset.newest()
    version = Version.objects.create(
        dataset=dataset,
        number=newest + 1,
        run=run,
        role=output.role,
        folder=output.folder,
        manifest_path=output.manifest_path,
        content_hash=output.manifest.content_hash,
        rows=output.manifest.rows,
        bytes=output.manifest.bytes,
        facts=output.facts,
        subset_of=output.subset_of,
    )
    if before and dataset.kind == Kind.BENCHMARK and before.said != version.said:
        Check.objects.outdate(dataset, by=run.user)
    _begin_what_follows(version, run)
    return version


def _begin_what_follows(version: Version, run: Run) -> None:
    """In the transaction that makes the version visible, which what cannot follow does not hold up."""
    for kinds, begin in FOLLOWERS:
        if version.kind in kinds:
            try:
                with transaction.atomic():
                    begin(version, user=run.user)
            except DataError as error:
                log.warning("Nothing follows %s: %s", version, error)


@transaction.atomic
def _fail(part: Part, error: str, trace: str = "") -> None:
    run = Run.objects.held(part.run_id)
    if part.mine().update(status=Part.Status.FAILED, error=storable(error), finished=Now()):
        _say(part, f"failed: {error}", "error")
        run.fail(error, trace)
        _wake(run)


def _say(part: Part, text: str, level: str) -> None:
    """A line of the run's log about one of its parts, named as its page numbers them."""
    Line.objects.say(part.run, f"{part.run.stage_name}, part {part.index + 1} {text}", level=level)


def reap() -> None:
    """Free the parts of silent workers, and ring again for what waits; every worker does this on a timer."""
    lost = Part.objects.lost().select_related("run")
    for part in lost.filter(tries__lt=Part.MAX_TRIES):
        if lost.filter(pk=part.pk, attempt=part.attempt).update(status=Part.Status.OPEN):
            _say(part, f"lost its worker {part.worker} and is open again", "warning")
    for part in lost.filter(tries__gte=Part.MAX_TRIES):
        _fail(part, f"The worker was lost {part.tries} times at {part}; see its memory and its log.")
    for run in Run.objects.waiting():
        held = Part.objects.filter(status=Part.Status.RUNNING, run__queue=run.queue).count()
        if held < len(Worker.objects.serving(run.queue)):
            ring(run, bells=1)


pulse = Pulse(reap)


def carry_out_what_follows(run: Run) -> None:
    """Do here what the versions of a run set off, unless workers are there to do it."""
    with pulse.running():
        for later in Run.objects.active().filter(inputs__run=run).distinct().order_by("pk"):
            if not Worker.objects.serving(later.queue):
                work(later.pk)


def carry_out(run: Run) -> Run:
    """See a run through to its end: wait while workers are there, and do the work here while none is."""
    with pulse.running():
        while not (run := Run.objects.select_related("project").get(pk=run.pk)).over:
            if Worker.objects.serving(run.queue) or not work(run.pk):
                time.sleep(min(0.2, settings.SILENCE / 10))
    return run
