from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema

from curation import jobs
from curation.access import Role, project_for
from curation.api.terms import NEXT, Key, Listing, Name, Text, listed
from curation.models import Line, Project, Run
from curation.questions.watching import stages

router = Router(tags=["runs"])


class RunOut(Schema):
    id: int
    project: str
    kind: str
    status: str
    subject: str
    stage: str
    error: str
    created: datetime
    started: datetime | None
    finished: datetime | None
    by: str | None

    @staticmethod
    def resolve_project(run: Run) -> str:
        return run.project.name

    @staticmethod
    def resolve_stage(run: Run) -> str:
        return run.stage_name

    @staticmethod
    def resolve_by(run: Run) -> str | None:
        return str(run.user) if run.user else None


class StageOut(Schema):
    name: str
    state: str
    parts: int
    parts_done: int
    share: float = Field(description="0 to 1; a part that is under way counts by its rows")
    seconds_left: float | None = Field(description="a guess; null where nothing is known")


class RunDetail(RunOut):
    config: dict[str, Any]
    summary: dict[str, Any]
    progress: dict[str, int]
    stages: list[StageOut]
    inputs: list[str]
    outputs: list[str]

    @staticmethod
    def resolve_progress(run: Run) -> dict[str, int]:
        return run.progress()

    @staticmethod
    def resolve_stages(run: Run) -> list[dict[str, Any]]:
        return [
            {
                "name": line.name,
                "state": line.state,
                "parts": line.standing.parts,
                "parts_done": line.standing.through,
                "share": line.standing.share,
                "seconds_left": line.standing.seconds_left,
            }
            for line in stages(run)
        ]

    @staticmethod
    def resolve_inputs(run: Run) -> list[str]:
        return [str(edge.version) for edge in run.run_inputs.select_related("version__dataset")]

    @staticmethod
    def resolve_outputs(run: Run) -> list[str]:
        return [str(version) for version in run.outputs.select_related("dataset")]


class RunPage(Schema):
    items: list[RunOut]
    next: int | None = NEXT


class LineOut(Schema):
    id: int
    at: datetime
    level: str
    text: str


class RunFilter(Listing):
    kind: Text = Field("", max_length=50)
    status: Text = Field("", max_length=10)
    subject: Text = Field("", max_length=200)


@router.get("/projects/{project}/runs", response=RunPage)
def list_runs(request: HttpRequest, project: Name, asked: Query[RunFilter]) -> Any:
    """Runs of a project, the newest first, by kind, status and subject."""
    found = project_for(request, project).runs.select_related("project", "user")
    for name in ("kind", "status", "subject"):
        if value := getattr(asked, name):
            found = found.filter(**{name: value})
    return listed(found, asked)


def _run(project: Project, pk: int) -> Run:
    run: Run = get_object_or_404(project.runs.select_related("project", "user"), pk=pk)
    return run


@router.get("/projects/{project}/runs/{pk}", response=RunDetail)
def get_run(request: HttpRequest, project: Name, pk: Key) -> Run:
    """One run: its config, what it read, how far each stage is, what came out."""
    return _run(project_for(request, project), pk)


@router.get("/projects/{project}/runs/{pk}/log", response=list[LineOut])
def get_log(
    request: HttpRequest, project: Name, pk: Key, lines: Annotated[int, Query(ge=1, le=1000)] = 200
) -> list[Line]:
    """The last lines of a run's log, oldest first."""
    return Line.objects.tail(_run(project_for(request, project), pk), lines)


@router.post("/projects/{project}/runs/{pk}/cancel", response=RunOut)
def cancel_run(request: HttpRequest, project: Name, pk: Key) -> Run:
    """Stop a run for good; nothing of it is published."""
    return _turn(request, project, pk, "cancel")


@router.post("/projects/{project}/runs/{pk}/pause", response=RunOut)
def pause_run(request: HttpRequest, project: Name, pk: Key) -> Run:
    """Stop a run for a while; what is done stays."""
    return _turn(request, project, pk, "pause")


@router.post("/projects/{project}/runs/{pk}/resume", response=RunOut)
def resume_run(request: HttpRequest, project: Name, pk: Key) -> Run:
    """Take up a run that was paused, cancelled or failed: parts that are done stay, the others are tried again."""
    return _turn(request, project, pk, "resume")


def _turn(request: HttpRequest, project: str, pk: int, verb: str) -> Run:
    run = _run(project_for(request, project, Role.CURATOR), pk)
    jobs.turn(run, verb, by=request.user)
    return run
