"""
Look around in a version: what its columns hold, its rows by filter and order, words in its turns.

Answers come from the profile of the version, as fast on a million rows as on a hundred. Until its profile run is
through there are no columns, so nothing to filter or sort by: rows then come by position from the records themselves.
"""

import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from curation.engine.errors import BadInput
from curation.engine.exploring import (
    Column,
    Counts,
    Page,
    Query,
    Sheet,
    Summary,
    Type,
    at,
    count,
    histogram,
    page,
    page_of,
    picked,
    places,
    positions,
    search,
    sheet,
    summaries,
)
from curation.models import Version, store

SECONDS = 1.0

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """Rows that have the words, as far as the time reached: a next search goes on after `searched_to`."""

    rows: tuple[Row, ...]
    searched_to: int
    exhausted: bool


@contextmanager
def explore(version: Version) -> Iterator["Explorer"]:
    """All questions of a request go to one explorer: it opens the profile once."""
    profile = version.profile()
    if profile is None:
        yield Explorer(version)
        return
    with sheet(store(), profile.shards()) as opened:
        yield Explorer(version, profile, opened)


@dataclass(frozen=True, slots=True)
class Explorer:
    """Answers about a version. `profile` is None until its profile run is through."""

    version: Version
    profile: Version | None = None
    sheet: Sheet | None = None

    @property
    def columns(self) -> list[Column]:
        """None of them before the profile is there."""
        return [Column.from_json(one) for one in self.profile.facts["columns"]] if self.profile else []

    @property
    def types(self) -> dict[str, Type]:
        """What may be filtered and sorted by, and is in every row of a page."""
        return self.sheet.types if self.sheet else {}

    def column(self, name: str) -> Column:
        """BadInput when there is no such column, or nothing to sum up in it."""
        for column in self.columns:
            if column.name == name:
                return column
        raise BadInput(f"{self.version} has no column {name} to sum up.")

    def query(self, pairs: Iterable[tuple[str, str]], *, own: Collection[str] = ()) -> Query:
        """Of a query string; `own` are the names in it that are not for the explorer. BadConfig where it is wrong."""
        return Query.parse(pairs, self.types, own=own)

    def rows(self, query: Query) -> Page:
        """The page of a query."""
        if self.sheet is None and not (query.filters or query.sort):
            return page_of(query, places(query, self.version.rows), self._looked_at)
        return page(self._profiled, query)

    def count(self, query: Query) -> int:
        """How many rows the filters let through."""
        return count(self._profiled, query) if query.filters else self.version.rows

    def histogram(self, name: str, query: Query) -> Counts:
        """The rows that a query finds by the bins or values of a column: the same bins as without filters."""
        return histogram(self._profiled, self.column(name), query)

    def summaries(self, query: Query) -> list[Summary]:
        """Nulls, range and mean of each number and truth value over the rows that a query finds."""
        return summaries(self._profiled, query)

    def search(self, words: str, query: Query, *, seconds: float = SECONDS) -> Found:
        """The first rows behind `query.after` that its filters let through and that have all the words in one turn."""
        among = positions(self._profiled, query) if query.filters else None
        after = -1 if query.after is None else query.after
        hits = search(
            store(),
            self.version.shards(),
            words,
            after=after,
            limit=query.limit,
            seconds=seconds,
            clock=time.monotonic,
            among=among,
        )
        rows = at(self.sheet, hits.rows) if self.sheet else self._looked_at(list(hits.rows))
        return Found(rows, hits.searched_to, hits.exhausted)

    @property
    def _profiled(self) -> Sheet:
        if self.sheet is None:
            raise BadInput(
                f"{self.version} has no profile yet, so its rows cannot be filtered, sorted or counted."
            )
        return self.sheet

    def _looked_at(self, found: list[int]) -> tuple[Row, ...]:
        return picked(store(), self.version.shards(), found)
