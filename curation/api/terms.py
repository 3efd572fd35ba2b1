"""What operations share: what can be in an address or a filter, how lists are paged, how a started run is told."""

from typing import Annotated, Any

from django.db.models import QuerySet
from ninja import Field, Path, Query, Schema, Status
from ninja.pagination import LimitOffsetPagination
from pydantic import AfterValidator

from curation.asked import LARGEST
from curation.models import Run
from curation.paging import page_of

NEXT = Field(description="the `after` of the next page; null on the last one")

Name = Annotated[str, Path(max_length=120, pattern=r"^[-a-zA-Z0-9_]+$")]
Key = Annotated[int, Path(ge=1, le=LARGEST)]
Limit = Annotated[int, Query(ge=1, le=1000)]
Place = Annotated[int, Query(ge=0, le=LARGEST)]


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("a text has no NUL characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("a text has no halves of characters (\\ud800 to \\udfff)") from None
    return text


Text = Annotated[str, AfterValidator(_storable)]


class Pages(LimitOffsetPagination):
    """Of short lists: datasets, mixtures, exports. Evidence and rows go by key."""

    class Input(Schema):
        limit: int = Field(100, ge=1, le=1000)
        offset: int = Field(0, ge=0, le=10**9)


class Listing(Schema):
    """How a long list is asked for, the newest first."""

    after: int | None = Field(None, ge=1, le=LARGEST)
    limit: int = Field(100, ge=1, le=1000)


def listed(found: QuerySet[Any], asked: Listing) -> dict[str, Any]:
    """The page that was asked for; `next` is the `after` of the one behind it."""
    page = page_of(found, {"after": str(asked.after or "")}, asked.limit)
    return {"items": page.items, "next": page.after}


class StepOut(Schema):
    """One thing that happened to a row."""

    what: str
    run: int
    version: str
    detail: dict[str, Any]


class Started(Schema):
    run: int
    status: str


def started(run: Run) -> Status[dict[str, Any]]:
    """What every operation answers that starts a run: it is on its way, and this is its number."""
    return Status(202, {"run": run.pk, "status": run.status})
