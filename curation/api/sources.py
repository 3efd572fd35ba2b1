from datetime import datetime
from typing import Any

import orjson
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Body, Field, File, Query, Router, Schema, Status
from ninja.files import UploadedFile

from curation.access import Role, project_for
from curation.api.terms import NEXT, Name, Started, Text, started
from curation.asked import LARGEST
from curation.engine.errors import BadConfig, BadInput
from curation.engine.looking import storable
from curation.engine.mapping import Mapping
from curation.forms.sources import Registration, require_confirmed
from curation.locations import keep_upload
from curation.models import Project, Source
from curation.questions.intake import Entry, entries, versions_of, with_state
from curation.questions.looks import newest_look
from curation.questions.rejects import Wanted, page, rejects_of
from curation.tasks.importing import import_again

router = Router(tags=["sources"])
MOST = 2**31 - 1


class SourceOut(Schema):
    name: str
    split_role: str = Field(description="train, or eval for a benchmark")
    benchmark_role: str
    kind: str = Field(description="files, hub, url or upload")
    location: str
    revision: str
    licence: str
    mapping: dict[str, Any]
    mapping_number: int
    created: datetime
    newest: str | None = Field(description="name@number of the newest version")
    rows: int | None
    rejected: int | None
    last_run: int | None = Field(description="the last look or import")


class SourcePage(Schema):
    items: list[SourceOut]
    next: str | None = NEXT


class SourceFilter(Schema):
    split_role: Text = Field("", max_length=10)
    after: Text = Field("", max_length=100)
    limit: int = Field(100, ge=1, le=1000)


class ReadingIn(Schema):
    header: bool | None = Field(
        None, description="the first line names the columns; null to look at the file"
    )
    delimiter: Text | None = Field(None, max_length=1)
    quoted: bool | None = None

    def options(self) -> dict[str, Any]:
        return {name: value for name, value in self.dict().items() if value is not None}


class RegisterIn(Schema):
    name: Text = Field(max_length=200)
    location: Text = Field(
        description="an address, owner/name on the Hub, a path below an import root, or upload:…"
    )
    split_role: Source.SplitRole = Field(Source.SplitRole.TRAIN)
    benchmark_role: Source.BenchmarkRole = Field(
        Source.BenchmarkRole.DEV, description="counts for benchmarks alone"
    )
    licence: Text = ""
    revision: Text = Field("", description="on the Hub: a branch, a tag or a commit")
    options: ReadingIn = ReadingIn(header=None, delimiter=None)


class ChangeIn(Schema):
    licence: Text | None = None
    benchmark_role: Text | None = Field(None, max_length=10)


class UploadOut(Schema):
    location: str = Field(description="register a source with it")
    bytes: int
    sha256: str


class ImportIn(Schema):
    mapping: dict[str, Any] | None = Field(None, description="null for the saved one, else the proposed one")
    confirmed: bool = Field(False, description="files named like an evaluation split are training data")
    max_rejected: float = Field(0.5, description="share of rows above which nothing is imported")
    revision: Text = Field("", max_length=200, description="on the Hub; empty for what was looked at")


class RejectOut(Schema):
    file: str
    line: int
    reason: str
    excerpt: str
    position: int


class RejectPage(Schema):
    version: str
    rejected: int
    reasons: dict[str, int]
    items: list[RejectOut]
    next: int | None = NEXT


class RejectFilter(Schema):
    version: int | None = Field(None, ge=1, le=MOST, description="number of the version; null for the newest")
    reason: Text = Field("", max_length=2000)
    after: int | None = Field(None, ge=0, le=LARGEST)
    limit: int = Field(100, ge=1, le=1000)


def _told(entry: Entry) -> dict[str, Any]:
    source = entry.source
    names = ("name", "split_role", "benchmark_role", "kind", "location", "revision", "licence", "mapping")
    return {name: getattr(source, name) for name in names} | {
        "mapping_number": source.mapping_number,
        "created": source.created,
        "newest": entry.version_name,
        "rows": entry.version.rows if entry.version else None,
        "rejected": entry.rejected if entry.version else None,
        "last_run": entry.run.pk if entry.run else None,
    }


def source_of(project: Project, name: str) -> Source:
    source: Source = get_object_or_404(project.sources, name=name)
    return source


def _one(source: Source) -> dict[str, Any]:
    (entry,) = entries(with_state(Source.objects.filter(pk=source.pk)))
    return _told(entry)


def plain_mapping(given: dict[str, Any]) -> Mapping:
    """A mapping as JSON that a database keeps: no NUL, no half characters, no number beyond 64 bits."""
    try:
        return Mapping.from_dict(storable(orjson.loads(orjson.dumps(given))))
    except TypeError:
        raise BadConfig("A mapping is plain JSON: text, numbers up to 64 bits, lists and objects.") from None


@router.get("/projects/{project}/sources", response=SourcePage)
def list_sources(request: HttpRequest, project: Name, asked: Query[SourceFilter]) -> Any:
    """Sources and benchmarks by name, each with its newest version."""
    found = project_for(request, project).sources.filter(name__gt=asked.after)
    if asked.split_role:
        found = found.filter(split_role=asked.split_role)
    page = list(with_state(found).order_by("name")[: asked.limit + 1])
    more = page[asked.limit - 1].name if len(page) > asked.limit else None
    return {"items": [_told(entry) for entry in entries(page[: asked.limit])], "next": more}


@router.post("/projects/{project}/uploads", response={201: UploadOut})
def upload(request: HttpRequest, project: Name, file: File[UploadedFile]) -> Any:
    """Keep a file for a source; one that no source is registered with goes after a day."""
    kept = keep_upload(project_for(request, project, Role.CURATOR), file, file.name or "upload")
    return Status(201, {"location": kept.text, "bytes": kept.bytes, "sha256": kept.sha256})


@router.post("/projects/{project}/sources", response={202: Started})
def register_source(request: HttpRequest, project: Name, body: RegisterIn) -> Any:
    """Register a source or a benchmark, and start the look at its rows; the answer names the run."""
    own = project_for(request, project, Role.CURATOR)
    draft = Registration(
        name=body.name,
        licence=body.licence,
        split_role=body.split_role,
        benchmark_role=body.benchmark_role,
        where=body.location,
        revision=body.revision,
    )
    return started(draft.start(own, options=body.options.options(), user=request.user))


@router.get("/projects/{project}/sources/{name}", response=SourceOut)
def get_source(request: HttpRequest, project: Name, name: Name) -> Any:
    """One source with its mapping, and its newest version."""
    return _one(source_of(project_for(request, project), name))


@router.patch("/projects/{project}/sources/{name}", response=SourceOut)
def change_source(request: HttpRequest, project: Name, name: Name, body: ChangeIn) -> Any:
    """Say its licence anew, or the role of a benchmark."""
    source = source_of(project_for(request, project, Role.CURATOR), name)
    source.change(by=request.user, licence=body.licence, benchmark_role=body.benchmark_role)
    return _one(source)


@router.post("/projects/{project}/sources/{name}/import", response={202: Started})
def import_source(request: HttpRequest, project: Name, name: Name, body: Body[ImportIn]) -> Any:
    """Start the import of a source; the answer names the run."""
    source = source_of(project_for(request, project, Role.CURATOR), name)
    look = newest_look(source)
    require_confirmed(source, look, body.confirmed)
    proposed = look.summary.get("mapping") if look and not source.mapping else None
    mapping = plain_mapping(body.mapping).as_dict() if body.mapping is not None else proposed
    run = import_again(
        source,
        revision=body.revision,
        mapping=mapping,
        confirmed=body.confirmed,
        max_rejected=body.max_rejected,
        look=None if body.revision else look,
        user=request.user,
    )
    return started(run)


@router.get("/projects/{project}/sources/{name}/rejects", response=RejectPage)
def list_rejects(request: HttpRequest, project: Name, name: Name, asked: Query[RejectFilter]) -> Any:
    """Rows that an import could not use, by file and line, each with its reason and how it begins."""
    source = source_of(project_for(request, project), name)
    found = versions_of(source).filter(purged=None)
    version = (found.filter(number=asked.version) if asked.version else found).first()
    if version is None:
        raise BadInput(f"There is no such version of {source}; it may not be imported yet.")
    rejects = rejects_of(version)
    after = -1 if asked.after is None else asked.after
    rows = page(rejects, Wanted(asked.reason), after=after, limit=asked.limit) if rejects else None
    return {
        "version": str(version),
        "rejected": version.facts.get("rejected", 0),
        "reasons": version.facts.get("reasons", {}),
        "items": rows.rows if rows else [],
        "next": rows.after if rows else None,
    }
