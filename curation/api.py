from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from ninja.pagination import paginate

from curation.models import Run, Version

router = Router()


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

    @staticmethod
    def resolve_project(run: Run) -> str:
        return run.project.name

    @staticmethod
    def resolve_stage(run: Run) -> str:
        return run.stage_name


class RunDetail(RunOut):
    config: dict[str, Any]
    summary: dict[str, Any]
    progress: dict[str, int]
    inputs: list[str]
    outputs: list[str]

    @staticmethod
    def resolve_progress(run: Run) -> dict[str, int]:
        return run.progress()

    @staticmethod
    def resolve_inputs(run: Run) -> list[str]:
        return [str(edge.version) for edge in run.run_inputs.select_related("version__dataset")]

    @staticmethod
    def resolve_outputs(run: Run) -> list[str]:
        return [str(version) for version in run.outputs.select_related("dataset")]


class VersionOut(Schema):
    name: str
    kind: str
    rows: int
    bytes: int
    content_hash: str
    created: datetime
    run: int

    @staticmethod
    def resolve_name(version: Version) -> str:
        return str(version)

    @staticmethod
    def resolve_run(version: Version) -> int:
        return version.run_id


@router.get("/runs", response=list[RunOut], tags=["runs"])
@paginate
def list_runs(request: HttpRequest) -> Any:
    """Runs that you may see, the newest first."""
    return Run.objects.visible_to(request.user).select_related("project").order_by("-pk")


@router.get("/runs/{pk}", response=RunDetail, tags=["runs"])
def get_run(request: HttpRequest, pk: int) -> Run:
    """One run: what it read, how far it is, what came out."""
    return get_object_or_404(Run.objects.visible_to(request.user).select_related("project"), pk=pk)


@router.get("/versions", response=list[VersionOut], tags=["versions"])
@paginate
def list_versions(request: HttpRequest) -> Any:
    """Versions that were not purged, the newest first."""
    return Version.objects.live().visible_to(request.user).select_related("dataset").order_by("-pk")
