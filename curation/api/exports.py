from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from ninja import Field, Query, Router, Schema
from ninja.errors import HttpError
from ninja.pagination import paginate

from curation.access import Role, exports_of, project_for
from curation.api.terms import Key, Name, Pages, Started, StepOut, Text, started
from curation.asked import LARGEST
from curation.delivery import deliver, described, files_of, withdrawn
from curation.engine.exporting import ExportConfig
from curation.gates import withheld
from curation.models import Export
from curation.questions.exported import exported_row
from curation.tasks.exporting import start_export

router = Router(tags=["exports"])
BYTES = {"schema": {"type": "string", "format": "binary"}}
BINARY = {"responses": {200: {"content": {"application/octet-stream": BYTES}}}}


class ExportOut(Schema):
    mixture: str
    number: int
    version: str
    status: str
    withdrawn_because: str
    profiles: list[str]
    rows: int = Field(description="rows of the mixture; each profile may carry fewer")
    bytes: int
    override: str = Field(description="why it was exported without a passing check; empty where it passed")
    manifest_hash: str
    run: int
    created: datetime

    @staticmethod
    def resolve_mixture(export: Export) -> str:
        return export.mixture.name

    @staticmethod
    def resolve_version(export: Export) -> str:
        return str(export.version)

    @staticmethod
    def resolve_rows(export: Export) -> int:
        return export.version.rows

    @staticmethod
    def resolve_run(export: Export) -> int:
        return export.run_id


class FileOut(Schema):
    path: str
    bytes: int
    sha256: str
    rows: int | None
    profile: str


class ExportedRowOut(Schema):
    id: str
    source: str
    origin: str = Field(description="file#row of the source; empty for what no import brought")
    revision: str = Field(description="of the source when it was read")
    licence: str = Field(description="of the row itself, where it has one")
    parents: list[str]
    profiles: list[str] = Field(description="the profiles of the export that carry it")
    steps: list[StepOut]


class ExportIn(Schema):
    profiles: list[Text]
    formats: list[Text] = ["parquet"]
    override: Text = Field("", description="the reason for exporting without a passing check")
    tool_arguments: Text = Field("string", description="what JSON lines hold of tools: string or object")


class WithdrawIn(Schema):
    reason: Text


def _exports(request: HttpRequest, project: str, role: str = Role.VIEWER) -> Any:
    found = exports_of(request, project_for(request, project, role))
    return found.select_related("mixture__project", "version__dataset", "run")


def _export(request: HttpRequest, project: str, mixture: str, number: int, role: str = Role.VIEWER) -> Export:
    found: Export = get_object_or_404(_exports(request, project, role), mixture__name=mixture, number=number)
    return found


@router.get("/projects/{project}/exports", response=list[ExportOut])
@paginate(Pages)
def list_exports(request: HttpRequest, project: Name, mixture: Text = "") -> Any:
    """Exports, the newest first; of one mixture where it is named."""
    found = _exports(request, project).order_by("-pk")
    return found.filter(mixture__name=mixture) if mixture else found


@router.get("/projects/{project}/exports/{mixture}/{number}", response=ExportOut)
def get_export(request: HttpRequest, project: Name, mixture: Name, number: Key) -> Any:
    """One export."""
    return _export(request, project, mixture, number)


@router.post("/projects/{project}/exports/{mixture}", response={202: Started})
def create_export(
    request: HttpRequest,
    project: Name,
    mixture: Name,
    body: ExportIn,
    version: int | None = Query(None, ge=1, le=LARGEST),  # type: ignore[type-arg]
) -> Any:
    """Start exporting a version of a mixture, the newest unless one is named; the answer names the run."""
    own = project_for(request, project, Role.CURATOR)
    config = ExportConfig(**body.dict())
    named = f"{mixture}@{version}" if version else mixture
    return started(start_export(own, named, config, user=request.user))


@router.post("/projects/{project}/exports/{mixture}/{number}/withdraw", response=ExportOut)
def withdraw_export(request: HttpRequest, project: Name, mixture: Name, number: Key, body: WithdrawIn) -> Any:
    """Take an export back: its files are no longer served, and whoever asks for them is told the reason."""
    found = _export(request, project, mixture, number, Role.CURATOR)
    Export.objects.filter(pk=found.pk).withdraw(body.reason, by=request.user)
    return _export(request, project, mixture, number)


@router.get("/projects/{project}/exports/{mixture}/{number}/rows/{record_id}", response=ExportedRowOut)
def get_exported_row(request: HttpRequest, project: Name, mixture: Name, number: Key, record_id: Name) -> Any:
    """A row of an export by its id: the profiles that carry it, and its way from the line of a file of a source."""
    found = _export(request, project, mixture, number)
    _require_served(found)
    return exported_row(found, record_id)


@router.get(
    "/projects/{project}/exports/{mixture}/{number}/croissant",
    url_name="export-croissant",
    openapi_extra=BINARY,
    response=None,
)
def read_description(request: HttpRequest, project: Name, mixture: Name, number: Key) -> HttpResponse:
    """The Croissant description of a published export (JSON-LD), its files at their addresses here."""
    found = _export(request, project, mixture, number)
    _require_served(found)
    parts = {"project": project, "mixture": mixture, "number": number, "path": "-"}
    address = request.build_absolute_uri(reverse("api-1:export-file", kwargs=parts).removesuffix("-"))
    return HttpResponse(described(found, address), content_type="application/ld+json")


@router.get("/projects/{project}/exports/{mixture}/{number}/files", response=list[FileOut])
def list_files(request: HttpRequest, project: Name, mixture: Name, number: Key) -> Any:
    """The files of a published export with their checksums."""
    found = _export(request, project, mixture, number)
    _require_served(found)
    return files_of(found)


@router.api_operation(
    ["GET", "HEAD"],
    "/projects/{project}/exports/{mixture}/{number}/files/{path:path}",
    url_name="export-file",
    openapi_extra=BINARY,
    response=None,
)
def read_file(request: HttpRequest, project: Name, mixture: Name, number: Key, path: str) -> HttpResponseBase:
    """One file of a published export, as its manifest names it, with its sha256 as ETag."""
    found = _export(request, project, mixture, number)
    _require_served(found)
    return deliver(request, found, path)


def _require_served(export: Export) -> None:
    if said := withdrawn(export):
        raise HttpError(410, said)
    if said := withheld(export):
        raise HttpError(403, said)
