from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from curation.access import project_for
from curation.api.terms import Name, Text
from curation.models import Event
from curation.paging import LARGEST, page_of
from curation.questions.telling import told

router = Router(tags=["audit log"])


class EventOut(Schema):
    id: int
    at: datetime
    who: str
    verb: str
    sentence: str
    url: str
    detail: dict[str, Any]


class EventPage(Schema):
    items: list[EventOut]
    after: int | None = Field(description="ask for the next page with it; null on the last one")


class EventFilter(Schema):
    who: Text = Field("", max_length=150)
    verb: Text = Field("", max_length=50)
    kind: Text = Field("", max_length=50)
    after: int | None = Field(None, ge=1, le=LARGEST)
    limit: int = Field(100, ge=1, le=1000)


@router.get("/projects/{project}/events", response=EventPage)
def list_events(request: HttpRequest, project: Name, asked: Query[EventFilter]) -> Any:
    """The audit log of a project, the newest first."""
    found = Event.objects.filter(project=project_for(request, project)).select_related("who", "project")
    for field, value in (("who__username", asked.who), ("verb", asked.verb), ("kind", asked.kind)):
        if value:
            found = found.filter(**{field: value})
    page = page_of(found, {"after": str(asked.after or "")}, asked.limit)
    items = [
        {
            "id": one.pk,
            "at": one.at,
            "who": one.who,
            "verb": one.verb,
            "sentence": str(one),
            "url": one.url,
            "detail": one.detail,
        }
        for one in told(page.items)
    ]
    return {"items": items, "after": page.after}
