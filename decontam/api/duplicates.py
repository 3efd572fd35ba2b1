from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Router, Schema

from curation.access import Role, project_for
from curation.api.terms import NEXT, Key, Limit, Name, Place, Started, Text, started
from curation.models import Run, Version
from decontam.engine.dedupe import DedupeConfig
from decontam.questions import duplicates
from decontam.tasks.deduplicating import start_dedupe

router = Router(tags=["deduplication"])
PLAIN = DedupeConfig()


class DedupeIn(Schema):
    """`versions` and `against` are versions, name or name@number; the others are the settings of `DedupeConfig`."""

    versions: list[Text]
    against: list[Text] = []
    name: Text = Field("", description="what the outputs are called after, else the first version")
    key: Text = PLAIN.key
    near: bool = PLAIN.near
    threshold: float = PLAIN.threshold
    shingle: int = PLAIN.shingle
    keep: Text = PLAIN.keep
    keep_by: Text = PLAIN.keep_by
    sources: list[Text] = []
    closure: bool = PLAIN.closure
    each_other: bool = PLAIN.each_other
    reference_itself: bool = Field(
        PLAIN.reference_itself, description="compare what is held against with itself"
    )
    max_source_loss: float = PLAIN.max_source_loss
    allow_loss: bool = PLAIN.allow_loss


class DedupeOut(Schema):
    run: int
    status: str
    config: dict[str, Any]
    summary: dict[str, Any]


class MemberOut(Schema):
    """`method` is kept, exact or near; `similarity` is null for a row that only a chain links to the kept one."""

    seq: int
    cluster: int
    record_id: str
    kept_id: str
    version: str
    source: str
    method: str
    reason: str
    similarity: float | None


class Members(Schema):
    items: list[MemberOut]
    next: int | None = NEXT


def _run(request: HttpRequest, project: Name, pk: int) -> Run:
    runs = project_for(request, project).runs.select_related("project")
    return get_object_or_404(runs, kind="dedupe", pk=pk)


@router.post("/projects/{project}/deduplications", response={202: Started})
def deduplicate(request: HttpRequest, project: Name, said: DedupeIn) -> Any:
    """Remove the duplicates in some versions, and what they have in common with others."""
    place = project_for(request, project, Role.CURATOR)
    settings = said.dict()
    versions, against = (
        [Version.objects.named(place, name) for name in settings.pop(side)]
        for side in ("versions", "against")
    )
    name, config = settings.pop("name"), DedupeConfig(**settings)
    return started(start_dedupe(versions, config, against=against, name=name, user=request.user))


@router.get("/projects/{project}/deduplications/{pk}", response=DedupeOut)
def get_deduplication(request: HttpRequest, project: Name, pk: Key) -> dict[str, Any]:
    """What a deduplication found; its facts are there before anything is removed."""
    run = _run(request, project, pk)
    version = duplicates.clusters(run)
    summary = run.summary or (version.facts if version else {})
    return {"run": run.pk, "status": run.status, "config": run.config, "summary": summary}


@router.get("/projects/{project}/deduplications/{pk}/clusters", response=Members)
def list_clusters(
    request: HttpRequest, project: Name, pk: Key, after: Place = 0, limit: Limit = 100
) -> dict[str, Any]:
    """The rows of its clusters, the largest first, each beginning with the row that is kept."""
    run = _run(request, project, pk)
    version = duplicates.clusters(run)
    found = duplicates.members(run, version, after, limit) if version else []
    items = [{"seq": one.seq, "version": str(one.version), **one.said} for one in found]
    more = bool(found) and version is not None and found[-1].seq < version.rows
    return {"items": items, "next": found[-1].seq if more else None}
