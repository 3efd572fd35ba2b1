from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Schema

from curation.api.terms import Key, Limit, Name, Place, Text
from decontam.api.scans import finished_scan
from decontam.engine.differing import Change
from decontam.questions.differing import Asked, difference_of, lines

router = Router(tags=["decontamination"])


class CountOut(Schema):
    benchmark: str
    method: str
    gone: int = 0
    new: int = 0
    changed: int = 0
    same: int = 0


class SideOut(Schema):
    seq: int
    record_id: str
    item_id: str
    found_by: list[str]
    score: float
    suppressed: str | None


class LineOut(Schema):
    change: str
    older: SideOut | None
    newer: SideOut | None


class Differences(Schema):
    counts: list[CountOut]
    many: int
    items: list[LineOut]
    next: int | None


@router.get("/projects/{project}/scans/{pk}/against/{other}", response=Differences)
def compare_scans(
    request: HttpRequest,
    project: Name,
    pk: Key,
    other: Key,
    change: Annotated[Change | None, Query()] = None,
    benchmark: Text = "",
    method: Text = "",
    after: Place = 0,
    limit: Limit = 50,
) -> dict[str, Any]:
    """What a scan found otherwise than another, the older: pairs that are gone, new, or in both but changed."""
    newer, older = finished_scan(request, project, pk), finished_scan(request, project, other)
    counts = [
        {"benchmark": name, "method": found_by, **of}
        for (name, found_by), of in difference_of(older, newer).counts.items()
    ]
    asked = Asked(change or "", benchmark, method)
    shown, many, following = lines(older, newer, asked, after=after, limit=limit)
    return {"counts": counts, "many": many, "items": shown, "next": following}
