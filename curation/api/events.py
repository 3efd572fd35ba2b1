from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from curation.access import project_for
from curation.api.terms import NEXT, Listing, Name, Text, listed
from curation.models import Event
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
    next: int | None = NEXT


class EventFilter(Listing):
    who: Text = Field("", max_length=150)
    verb: Text = Field("", max_length=50)
    kind: Text = Field("", max_length=50)


@router.get("/projects/{project}/events", response=EventPage)
def list_events(request: HttpRequest, project: Name, asked: Query[EventFilter]) -> Any:
    """The audit log of a project, the newest first."""
    found = Event.objects.filter(project=project_for(request, project)).select_related("who", "project")
    for field, value in (("who__username", asked.who), ("verb", asked.verb), ("kind", asked.kind)):
        if value:
            found = found.filter(**{field: value})
    page = listed(found, asked)
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
        for one in told(page["items"])
    ]
    return page | {"items": items}
