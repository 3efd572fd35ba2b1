from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce, Now
from django.urls import reverse

from curation.engine.errors import BadInput, Refused
from curation.models.dataset import Version
from curation.models.event import Event
from curation.models.project import OwnedQuerySet, Project

if TYPE_CHECKING:
    from curation.models.log import Line
    from curation.models.part import Part


def storable(text: str) -> str:
    """What files and machines say may hold NUL, which PostgreSQL refuses."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


class RunQuerySet(OwnedQuerySet["Run"]):
    def active(self) -> RunQuerySet:
        """Neither over nor paused."""
        return self.filter(status__in=Run.ACTIVE)

    def waiting(self) -> RunQuerySet:
        """Active, with a part that nobody has taken."""
        return self.active().filter(parts__status="open").distinct()

    def held(self, pk: int) -> Run:
        """A run, locked until the transaction ends. Runs are locked before their parts, everywhere."""
        return self.select_for_update(no_key=True, of=("self",)).select_related("project").get(pk=pk)


class Run(models.Model):
    """What ran, on what, with what config, by whom, how far, and what came out."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        PAUSED = "paused"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    ACTIVE = (Status.QUEUED, Status.RUNNING)
    OVER = (Status.DONE, Status.FAILED, Status.CANCELLED)

    project = models.ForeignKey(Project, models.PROTECT, related_name="runs")
    kind = models.CharField(max_length=50)
    subject = models.CharField(max_length=200, blank=True)
    config = models.JSONField(default=dict)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    queue = models.CharField(max_length=20, default="cpu")
    stage = models.PositiveSmallIntegerField(default=0)
    stage_name = models.CharField(max_length=40, blank=True)
    open = models.PositiveIntegerField(default=0)
    summary = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    traceback = models.TextField(blank=True)
    created = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True)
    finished = models.DateTimeField(null=True)
    swept = models.DateTimeField(null=True)
    inputs: models.ManyToManyField[Version, RunInput] = models.ManyToManyField(
        Version, through="RunInput", related_name="consumers"
    )

    objects = RunQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["status", "created"])]

    def __str__(self) -> str:
        return f"{self.kind} run {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("run", args=[self.project.name, self.pk])

    @property
    def folder(self) -> str:
        return str(self.pk)

    @property
    def took(self) -> str:
        """From when it was asked for to its end, for a person."""
        seconds = ((self.finished or self.created) - self.created).total_seconds()
        return f"{seconds:.1f} s" if seconds < 60 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"

    @property
    def over(self) -> bool:
        return self.status in self.OVER

    def input(self, role: str) -> Version:
        """The one input of a role."""
        return self.inputs_of(role)[0]

    def inputs_of(self, role: str) -> list[Version]:
        """The inputs of a role, in the order they were given; BadInput when one was purged since."""
        found = self.run_inputs.filter(role=role).select_related("version__dataset").order_by("position")
        versions = [item.version for item in found]
        for version in versions:
            if version.purged:
                raise BadInput(f"{version}, which this run reads, was purged")
        return versions

    def output(self, role: str) -> Version:
        return self.outputs.get(role=role)

    def results(self, stage: int) -> list[Any]:
        """What the parts of a stage came to, in the order of their index."""
        return list(self.parts.filter(stage=stage).order_by("index").values_list("result", flat=True))

    def progress(self) -> dict[str, int]:
        """Done and total of the present stage, summed over its parts, and how many parts are through."""
        return self.parts.filter(stage=self.stage).aggregate(
            done=Coalesce(Sum("done"), 0),
            total=Coalesce(Sum("total"), 0),
            parts=Count("pk"),
            parts_done=Count("pk", filter=Q(status="done")),
        )

    def cancel(self, *, by: Any) -> bool:
        """False when it was over already."""
        return self._turn("cancelled", (*Run.ACTIVE, Run.Status.PAUSED), Run.Status.CANCELLED, by)

    def pause(self, *, by: Any) -> bool:
        return self._turn("paused", Run.ACTIVE, Run.Status.PAUSED, by)

    @transaction.atomic
    def resume(self, *, by: Any) -> bool:
        """
        Go on where it stopped: finished parts stay, the others are open again. False when there is nothing to
        resume; Refused when the files of its finished parts were swept.
        """
        run = Run.objects.held(self.pk)
        if run.swept:
            raise Refused(f"The files of {self} were swept since it stopped; start it anew.")
        if not self._turn(
            "resumed", (Run.Status.PAUSED, Run.Status.FAILED, Run.Status.CANCELLED), Run.Status.RUNNING, by
        ):
            return False
        Run.objects.filter(pk=self.pk).update(error="", traceback="", started=Coalesce("started", Now()))
        unfinished = self.parts.exclude(status="done")
        unfinished.update(status="open", tries=0, attempt=F("attempt") + 1, error="", not_before=None)
        return True

    @transaction.atomic
    def _turn(self, verb: str, before: tuple[Status, ...], after: Status, by: Any) -> bool:
        finished = Now() if after in self.OVER else None
        turned = Run.objects.filter(pk=self.pk, status__in=before).update(status=after, finished=finished)
        if turned:
            Event.objects.record(verb, self, project=self.project, by=by)
            self.lines.create(text=f"{verb} by {by}" if by else verb)
        return bool(turned)

    def fail(self, error: str, traceback: str = "") -> bool:
        """False when somebody else had ended it."""
        error, traceback = storable(error), storable(traceback)
        return bool(
            Run.objects.filter(pk=self.pk)
            .active()
            .update(status=Run.Status.FAILED, error=error, traceback=traceback, finished=Now())
        )

    parts: models.Manager[Part]
    lines: models.Manager[Line]


class RunInput(models.Model):
    """An edge of the lineage graph."""

    run = models.ForeignKey(Run, models.PROTECT, related_name="run_inputs")
    version = models.ForeignKey(Version, models.PROTECT, related_name="run_inputs")
    role = models.CharField(max_length=30)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "role", "position"], name="run_input")]

    def __str__(self) -> str:
        return f"{self.run} reads {self.version} as {self.role}"
