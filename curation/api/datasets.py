from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from ninja.pagination import paginate

from curation.access import project_for, projects
from curation.api.terms import Key, Name, Pages, StepOut
from curation.engine.errors import BadInput
from curation.models import Version
from curation.questions.differences import differences
from curation.questions.explorer import explore
from curation.questions.stories import ROWS, find_row, story

router = Router(tags=["datasets"])
OWN = ("q",)


class VersionFacts(Schema):
    name: str
    kind: str
    rows: int
    bytes: int
    content_hash: str
    created: datetime
    run: int


class VersionOut(VersionFacts):
    @staticmethod
    def resolve_name(version: Version) -> str:
        return str(version)

    @staticmethod
    def resolve_run(version: Version) -> int:
        return version.run_id


class VersionDetail(VersionFacts):
    purged: datetime | None
    facts: dict[str, Any]
    columns: list[dict[str, Any]]
    shards: list[dict[str, Any]]


class Rows(Schema):
    items: list[dict[str, Any]]
    matching: int | None = None
    previous: int | None = None
    next: int | None = None
    searched_to: int | None = None


@router.get("/versions", response=list[VersionOut])
@paginate(Pages)
def list_versions(request: HttpRequest) -> Any:
    """Versions that were not purged, the newest first."""
    live = Version.objects.live().filter(dataset__project__in=projects(request))
    return live.select_related("dataset").order_by("-pk")


@router.get("/projects/{project}/datasets", response=list[VersionOut])
@paginate(Pages)
def list_datasets(request: HttpRequest, project: Name) -> Any:
    """The newest version of every dataset of a project."""
    newest = Version.objects.newest().filter(dataset__project=project_for(request, project))
    return newest.select_related("dataset").order_by("dataset__name")


def _version(request: HttpRequest, project: str, name: str, number: int) -> Version:
    own = Version.objects.filter(dataset__project=project_for(request, project))
    return get_object_or_404(own.select_related("dataset__project"), dataset__name=name, number=number)


def _with_rows(request: HttpRequest, project: str, name: str, number: int) -> Version:
    version = _version(request, project, name, number)
    if version.kind not in ROWS:
        raise BadInput(f"{version} holds {version.kind.label}; only records have such rows.")
    return version


@router.get("/projects/{project}/datasets/{name}/{number}", response=VersionDetail)
def get_version(request: HttpRequest, project: Name, name: Name, number: Key) -> dict[str, Any]:
    """A version with its shards, and what its columns hold where they were looked at."""
    version = _version(request, project, name, number)
    with explore(version) as explorer:
        columns = [column.as_json() for column in explorer.columns]
    shards = [] if version.purged else version.shards()
    told = {field: getattr(version, field) for field in ("rows", "bytes", "content_hash", "created", "facts")}
    return told | {
        "name": str(version),
        "kind": version.kind,
        "run": version.run_id,
        "purged": version.purged,
        "columns": columns,
        "shards": [{"path": s.path, "rows": s.rows, "bytes": s.bytes, "sha256": s.sha256} for s in shards],
    }


@router.get("/projects/{project}/datasets/{name}/{number}/rows", response=Rows)
def list_rows(request: HttpRequest, project: Name, name: Name, number: Key) -> dict[str, Any]:
    """
    Rows by filter, order and words, as the explorer shows them: `tokens=48..112&source=a&sort=-tokens&after=19`, and
    `q` for words in any turn.
    """
    version, words = _with_rows(request, project, name, number), request.GET.get("q", "").strip()
    pairs = [(key, value) for key, values in request.GET.lists() for value in values]
    with explore(version) as explorer:
        query = explorer.query(pairs, own=OWN)
        if words:
            found = explorer.search(words, query)
            onward = None if found.exhausted else found.searched_to
            return {"items": list(found.rows), "next": onward, "searched_to": found.searched_to}
        page = explorer.rows(query)
        matching = explorer.count(query)
    return {"items": list(page.rows), "matching": matching, "previous": page.previous, "next": page.next}


@router.get("/projects/{project}/datasets/{name}/{number}/histogram/{column}", response=dict[str, Any])
def get_histogram(
    request: HttpRequest, project: Name, name: Name, number: Key, column: Name
) -> dict[str, Any]:
    """The rows that the filters let through, by the bins or values of a column."""
    version = _with_rows(request, project, name, number)
    pairs = [(key, value) for key, values in request.GET.lists() for value in values]
    with explore(version) as explorer:
        counts = explorer.histogram(column, explorer.query(pairs))
    return {
        "rows": counts.rows,
        "nulls": counts.nulls,
        "values": [{"value": one.value, "rows": one.rows} for one in counts.values],
        "bins": [{"low": one.low, "high": one.high, "rows": one.rows} for one in counts.bins],
    }


@router.get("/projects/{project}/datasets/{name}/{number}/rows/{record_id}", response=dict[str, Any])
def get_row(request: HttpRequest, project: Name, name: Name, number: Key, record_id: Name) -> dict[str, Any]:
    """One record, whole."""
    version = _with_rows(request, project, name, number)
    if row := find_row(version, record_id):
        return row
    raise BadInput(f"{version} has no row {record_id}; its story says where it went.")


@router.get("/projects/{project}/datasets/{name}/{number}/compare/{other}", response=list[dict[str, Any]])
def compare(request: HttpRequest, project: Name, name: Name, number: Key, other: Key) -> list[dict[str, Any]]:
    """How the rows of a version differ from those of another version (`other`) of the dataset."""
    new, old = (_with_rows(request, project, name, one) for one in (number, other))
    return [{"kind": d.kind, "rows": d.rows, "first": d.first} for d in differences(old, new)]


@router.get("/rows/{record_id}/story", response=list[StepOut])
def get_story(request: HttpRequest, record_id: Name, project: str = "", dataset: str = "") -> Any:
    """Why a row is here, or gone. Without a dataset, every dataset of the projects that you may see is asked."""
    seen = projects(request).filter(**({"name": project} if project else {})).order_by("pk")
    for place in seen:
        names = [dataset] if dataset else place.datasets.filter(kind__in=ROWS).values_list("name", flat=True)
        for name in names:
            try:
                return story(place, name, record_id)
            except BadInput:
                continue
    raise BadInput(f"No dataset that you may see has, or had, a row {record_id}.")
