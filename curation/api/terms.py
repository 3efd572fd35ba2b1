"""Types that the operations share: what can be in an address or a filter, so that nothing else reaches the database."""

from typing import Annotated

from ninja import Field, Path, Query, Schema
from ninja.pagination import LimitOffsetPagination
from pydantic import AfterValidator

from curation.paging import LARGEST

Name = Annotated[str, Path(max_length=120, pattern=r"^[-a-zA-Z0-9_]+$")]
Key = Annotated[int, Path(ge=1, le=LARGEST)]
Place = Annotated[int, Query(ge=0, le=LARGEST)]


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("a text has no NUL characters")
    return text


Text = Annotated[str, AfterValidator(_storable)]


class Pages(LimitOffsetPagination):
    """Of short lists: datasets, mixtures, exports. Evidence and rows go by key."""

    class Input(Schema):
        limit: int = Field(100, ge=1, le=1000)
        offset: int = Field(0, ge=0, le=10**9)
