"""
Start runs and execute their parts. The database row is the truth; the broker only rings a bell.

A job is a list of stages; each is planned when the one before it is through, as a list of specs, one per part.
A bell carries the id of a run; whoever hears it takes open parts until none is left, so a lost, late or doubled
bell does no harm. The last stage is one part that publishes.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection, transaction
from django.db.models import F, Max
from django.db.models.functions import Now

from curation.engine.configs import dump
from curation.engine.errors import DataError, Refused, Stopped
from curation.models import Check, Dataset, Kind, Output, Part, Project, Run, RunInput, Version, Worker, store

log = logging.getLogger(__name__)
BELL = "curation.ring"
WHOLE: list[dict[str, Any]] = [{}]


@dataclass(frozen=True, slots=True)
class Stage:
    """`plan(run)` gives the spec of each part, `work(part)` does one and returns what JSON can hold."""

    name: str
    work: Callable[[Part], Any]
    plan: Callable[[Run], Iterable[dict[str, Any]]] = lambda _run: WHOLE


@dataclass(frozen=True, slots=True)
class Job:
    """`finish(run)` runs in the transaction that ends the run, when its versions exist."""

    kind: str
    stages: tuple[Stage, ...]
    finish: Callable[[Run], None] = lambda _run: None
    queue: str = "cpu"


JOBS: dict[str, Job] = {}


def register(job: Job) -> Job:
    JOBS[job.kind] = job
    return job


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
    run = Run.objects.create(project=project, kind=job.kind, subject=subject, config=dump(config), user=user)
    for role, given in (inputs or {}).items():
        versions = [given] if isinstance(given, Version) else given
        RunInput.objects.bulk_create(
            RunInput(run=run, version=version, role=role, position=i) for i, version in enumerate(versions)
        )
    _open_stage(run, 0)
    ring(run)
    return run


def ring(run: Run, bells: int = 8) -> None:
    """Wake workers for the open parts of a run, once this transaction is committed."""
    pk, queue, bells = run.pk, JOBS[run.kind].queue, min(run.open, bells)
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
            return
    _finish(run)


def _finish(run: Run) -> None:
    JOBS[run.kind].finish(run)
    run.save(update_fields=["summary"])
    Run.objects.filter(pk=run.pk).exclude(status__in=Run.OVER).update(status=Run.Status.DONE, finished=Now())
    folder = f"{run.folder}/tmp"
    transaction.on_commit(lambda: store().remove(folder), robust=True)


def work(first: int | None = None, *, only: bool = False) -> int:
    """Take open parts, those of run `first` before (or instead of) others, until none is open; how many."""
    taken = 0
    while part := Part.objects.claim(worker_name(), first, only):
        taken += 1
        Run.objects.filter(pk=part.run_id, status=Run.Status.QUEUED).update(
            status=Run.Status.RUNNING, started=Now()
        )
        with pulse.holding(part):
            _execute(part)
    return taken


def _execute(part: Part) -> None:
    """Do one part. Every way that it can end is one of these."""
    try:
        result = JOBS[part.run.kind].stages[part.stage].work(part)
        _complete(part, result)
    except Stopped:
        part.let_go()
    except DataError as error:
        _fail(part, str(error))
    except Exception as error:
        if part.tries < Part.MAX_TRIES and isinstance(error, (OSError, DatabaseError)):
            log.warning("%s is tried again", part, exc_info=True)
            part.let_go()
        else:
            log.exception("%s failed", part)
            _fail(part, f"Internal error: {type(error).__name__}: {error}", traceback.format_exc())


@transaction.atomic
def _complete(part: Part, result: Any) -> None:
    """The part is done, its versions are visible, and the last one of its stage opens the next stage."""
    done = part.mine().filter(run__status__in=[Run.Status.QUEUED, Run.Status.RUNNING, Run.Status.PAUSED])
    if not done.update(status=Part.Status.DONE, result=result, finished=Now(), done=F("total")):
        part.let_go()
        return
    for output in part.outputs:
        record_version(part.run, output)
    Run.objects.filter(pk=part.run_id).update(open=F("open") - 1)
    run = Run.objects.select_related("project").get(pk=part.run_id)
    if run.open == 0:
        _open_stage(run, part.stage + 1)
        if run.open:
            ring(run)


def record_version(run: Run, output: Output) -> Version:
    """The row that makes a written version visible; a new version of a benchmark makes earlier checks stale."""
    dataset, _ = Dataset.objects.select_for_update().get_or_create(
        project=run.project, name=output.dataset, defaults={"kind": output.kind}
    )
    newest = dataset.versions.aggregate(number=Max("number"))["number"] or 0
    if dataset.kind != output.kind:
        raise Refused(
            f"The name {dataset.name} stands for {dataset.get_kind_display()} here; "
            f"choose another name for these {Kind(output.kind).label}."
        )
    if newest and dataset.kind == Kind.BENCHMARK:
        Check.objects.relying_on(dataset.pk).update(status=Check.Status.STALE)
    return Version.objects.create(
        dataset=dataset,
        number=newest + 1,
        run=run,
        role=output.role,
        folder=output.folder,
        content_hash=output.manifest.content_hash,
        rows=output.manifest.rows,
        bytes=output.manifest.bytes,
        facts=output.facts,
        subset_of=output.subset_of,
    )


@transaction.atomic
def _fail(part: Part, error: str, trace: str = "") -> None:
    if part.mine().update(status=Part.Status.FAILED, error=error, finished=Now()):
        part.run.fail(error, trace)


def reap() -> None:
    """Free the parts of silent workers, and ring again for what waits; every worker does this on a timer."""
    for part in Part.objects.lost().select_related("run"):
        if part.tries >= Part.MAX_TRIES:
            _fail(part, f"The worker was lost {part.tries} times at {part}; see its memory and its log.")
        else:
            part.let_go()
    if Part.objects.filter(status=Part.Status.RUNNING).count() < Worker.objects.alive().count():
        for run in Run.objects.waiting():
            ring(run, bells=1)


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


class Pulse:
    """One thread per process that beats for the parts it holds, says that the worker is there, and reaps."""

    def __init__(self) -> None:
        self._held: set[Part] = set()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def holding(self, part: Part) -> Iterator[None]:
        with self._lock:
            self._held.add(part)
        try:
            yield
        finally:
            with self._lock:
                self._held.discard(part)

    @contextmanager
    def running(self, *, serving: bool) -> Iterator[None]:
        """Beat while the block runs; `serving` tells others that this process takes whatever is open."""
        self.start(serving=serving)
        try:
            yield
        finally:
            self.stop()

    def start(self, *, serving: bool) -> None:
        self._over.clear()
        self._thread = threading.Thread(target=self._run, args=[serving], name="pulse", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        if self._thread:
            self._thread.join(timeout=5)
            self._thread = None

    def _run(self, serving: bool) -> None:
        beats = 0
        while not self._over.is_set():
            try:
                self.beat(serving)
                if beats % 3 == 2:
                    reap()
            except Exception:
                log.exception("The pulse missed a beat")
            finally:
                close_old_connections()
            beats += 1
            self._over.wait(settings.SILENCE / 6)
        Worker.objects.filter(name=worker_name()).delete()
        connection.close()

    def beat(self, serving: bool) -> None:
        """A part past its deadline gets no more beats: it is taken for lost and given to another worker."""
        if serving:
            Worker.objects.update_or_create(name=worker_name(), defaults={"seen": Now()})
        with self._lock:
            held = [part for part in self._held if not part.overdue]
        for part in held:
            part.mine().update(heartbeat=Now())


pulse = Pulse()


def carry_out(run: Run) -> Run:
    """See a run through to its end: wait while workers are there, and do the work here while none is."""
    with pulse.running(serving=False):
        while not (run := Run.objects.select_related("project").get(pk=run.pk)).over:
            if Worker.objects.alive().exists() or not work(run.pk, only=True):
                time.sleep(min(0.2, settings.SILENCE / 10))
    return run
