"""Lists are paged by key: a page costs the same wherever it lies, and rows that come in meanwhile shift nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet

from curation.asked import number

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """Some rows of a list, and the keys to ask for what comes `before` and `after` them; None at an end."""

    items: list[M]
    before: int | None = None
    after: int | None = None


def page_of(found: QuerySet[M], asked: Mapping[str, Any], size: int, *, rising: bool = False) -> Page[M]:
    """The page that `?after=` or `?before=` ask for; the first one without either."""
    after, before = number(asked.get("after", "")), number(asked.get("before", ""))
    back = before is not None and after is None
    key, up = (before if back else after), rising != back
    if key is not None:
        found = found.filter(**{"pk__gt" if up else "pk__lt": key})
    items = list(found.order_by("pk" if up else "-pk")[: size + 1])
    more, items = len(items) > size, items[:size]
    if back:
        items.reverse()
    if not items:
        return Page(items)
    first, last = items[0].pk, items[-1].pk
    if back:
        return Page(items, before=first if more else None, after=last)
    return Page(items, before=first if key is not None else None, after=last if more else None)
