from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import pyarrow as pa
from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from curation.engine.configs import load
from curation.engine.errors import Cancelled, Fenced, Leaving, Paused
from curation.engine.store import Manifest, Shard, ShardWriter, Store
from curation.models.dataset import Kind, Version, store
from curation.models.run import Run

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Output:
    """A version to be: written, but not visible before its part is finished."""

    role: str
    dataset: str
    kind: Kind
    folder: str
    manifest_path: str
    manifest: Manifest
    facts: dict[str, Any] = field(default_factory=dict)
    subset_of: Version | None = None


class PartQuerySet(models.QuerySet["Part"]):
    def open(self) -> PartQuerySet:
        """Free to be taken now."""
        ready = Q(not_before=None) | Q(not_before__lte=Now())
        return self.filter(ready, status=Part.Status.OPEN, run__in=Run.objects.active())

    def lost(self) -> PartQuerySet:
        """Taken, but silent for too long: the worker was killed, hangs, or the machine went away."""
        return self.filter(
            status=Part.Status.RUNNING, heartbeat__lt=Now() - timedelta(seconds=settings.SILENCE)
        )

    def wake(self, run: Run) -> set[int]:
        """Parts that wait for this run need wait no longer; the keys of their own runs."""
        waiting = self.filter(status=Part.Status.OPEN, not_before__isnull=False, checkpoint__waits_for=run.pk)
        runs = set(waiting.values_list("run", flat=True))
        if runs:
            waiting.update(not_before=None)
        return runs

    def claim(self, worker: str, *, run: int | None = None, queues: Collection[str] = ()) -> Part | None:
        """
        Take an open part for this worker: of `run` first, then of any run of these queues. None if none is open.
        """
        wanted = [self.open().filter(run=run)] if run else []
        wanted += [self.open().filter(run__queue__in=queues)] if queues else []
        for free in wanted:
            while candidates := list(free.order_by("run", "stage", "index").values_list("pk", flat=True)[:8]):
                for pk in candidates:
                    if part := self._take(pk, worker):
                        return part
        return None

    @transaction.atomic
    def _take(self, pk: int, worker: str) -> Part | None:
        """The token is read in the transaction that raised it: nobody can have raised it again."""
        taken = self.filter(pk=pk, status=Part.Status.OPEN).update(
            status=Part.Status.RUNNING,
            attempt=F("attempt") + 1,
            tries=F("tries") + 1,
            worker=worker,
            started=Now(),
            heartbeat=Now(),
        )
        return self.select_related("run__project").get(pk=pk) if taken else None


class Part(models.Model):
    """
    One idempotent slice of a stage of a run. `attempt` is the fencing token: whatever an earlier attempt still
    does to its row changes nothing, and every file that it writes has a name of its own.
    """

    MAX_TRIES = 5
    BACKOFF = timedelta(seconds=1)
    PAUSE = timedelta(seconds=5)  # of a part that waits for another run, should nobody wake it
    DEADLINE = timedelta(minutes=15)
    leaving = threading.Event()  # set when this process is told to stop: parts go back to the queue

    class Status(models.TextChoices):
        OPEN = "open"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    run = models.ForeignKey(Run, models.PROTECT, related_name="parts")
    stage = models.PositiveSmallIntegerField()
    index = models.PositiveIntegerField()
    spec = models.JSONField(default=dict)
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    attempt = models.PositiveIntegerField(default=0)
    tries = models.PositiveSmallIntegerField(default=0)
    worker = models.CharField(max_length=200, blank=True)
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(default=0)
    checkpoint: Any = models.JSONField(null=True)
    result: Any = models.JSONField(null=True)
    error = models.TextField(blank=True)
    started = models.DateTimeField(null=True)
    heartbeat = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    finished = models.DateTimeField(null=True)

    objects = PartQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "stage", "index"], name="part_of_stage")]
        indexes = [
            models.Index(fields=["status", "heartbeat"]),
            models.Index(fields=["status", "run", "stage", "index"]),
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.outputs: list[Output] = []
        self.stage_name = ""
        self._told, self._since, self._reached = 0.0, time.monotonic(), 0

    def __str__(self) -> str:
        return f"part {self.index} of stage {self.stage} of {self.run}"

    def mine(self) -> models.QuerySet[Part]:
        """This attempt only: a worker that was given up for lost can change nothing."""
        return Part.objects.filter(pk=self.pk, attempt=self.attempt, status=Part.Status.RUNNING)

    def config(self, config_class: type[C]) -> C:
        return load(config_class, self.run.config)

    def progress(self, done: int, total: int) -> None:
        """Say how far this part is, at most once a second; raises Stopped when the work was taken away."""
        if self.leaving.is_set():
            raise Leaving("This worker was told to stop")
        if done > self._reached:
            self._reached, self._since = done, time.monotonic()
        if (now := time.monotonic()) - self._told >= min(1.0, settings.SILENCE / 4):
            self._told = now
            self._tell(done=done, total=total)

    def save_checkpoint(self, checkpoint: Any, done: int, total: int) -> None:
        """From here the next attempt goes on. A part that gets on may be tried as often as it takes."""
        self._tell(checkpoint=checkpoint, done=done, total=total, tries=1)
        self.checkpoint, self._since = checkpoint, time.monotonic()

    @property
    def overdue(self) -> bool:
        """Longer at work, since it was taken or last got on, than any part should be."""
        return time.monotonic() - self._since > self.DEADLINE.total_seconds()

    def _tell(self, **fields: Any) -> None:
        if not self.mine().filter(run__in=Run.objects.active()).update(heartbeat=Now(), **fields):
            self._why_stopped()

    def _why_stopped(self) -> None:
        status = Run.objects.values_list("status", flat=True).get(pk=self.run_id)
        if status == Run.Status.PAUSED:
            raise Paused("This run is paused")
        if status in Run.OVER:
            raise Cancelled(f"This run was {status} while this part was worked on")
        raise Fenced("This part was given to another worker")

    def let_go(self, *, counted: bool = True) -> None:
        """Back into the queue. A try that was not the part's fault is not `counted`."""
        self.mine().update(status=Part.Status.OPEN, tries=F("tries") if counted else F("tries") - 1)

    def try_later(self) -> None:
        """Back into the queue after a passing fault; the pause doubles with each try."""
        pause = self.BACKOFF * 2 ** (self.tries - 1)
        self.mine().update(status=Part.Status.OPEN, not_before=Now() + pause)

    def wait(self) -> None:
        """Back into the queue for a while, without a fault: something else has to be over first."""
        self.mine().update(status=Part.Status.OPEN, tries=F("tries") - 1, not_before=Now() + self.PAUSE)

    @property
    def store(self) -> Store:
        return store()

    def path(self, name: str, number: int = 0, suffix: str = "parquet") -> str:
        """A path that no other part and no other attempt writes to."""
        return f"{self.run.folder}/{name}/{self.stage}-{self.index:05}-{self.attempt}-{number:05}.{suffix}"

    def writer(self, name: str, schema: pa.Schema, number: int = 0) -> ShardWriter:
        return self.store.writer(self.path(name, number), schema)

    def write(
        self, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch], number: int = 0
    ) -> Shard:
        """One shard of this part's own."""
        with self.writer(name, schema, number) as writer:
            for batch in batches:
                writer.write(batch)
        return writer.close()

    def publish(
        self,
        role: str,
        dataset: str,
        kind: Kind,
        schema: pa.Schema,
        shards: Iterable[Shard],
        *,
        facts: dict[str, Any] | None = None,
        subset_of: Version | None = None,
    ) -> Output:
        """Write the manifest of a version; it becomes visible when this part is finished, and only then."""
        folder, shards = f"{self.run.folder}/{role}", list(shards)
        if strange := [shard.path for shard in shards if not shard.path.startswith(f"{folder}/")]:
            raise ValueError(f"{strange[0]} does not lie in {folder}, so a sweep would take it for litter")
        path = f"{folder}/manifest-{self.attempt}.json"
        made = self.store.publish(path, schema, shards)
        output = Output(role, dataset, kind, folder, path, made, facts or {}, subset_of)
        self.outputs.append(output)
        return output
