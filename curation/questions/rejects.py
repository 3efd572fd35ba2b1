"""The rows that an import could not use, by reason and by where they stand; pages go by position in the dataset."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.exploring.reading import groups, holding
from curation.models import Version, store


@dataclass(frozen=True, slots=True)
class Wanted:
    """Rejects of one reason; or, with `others`, those of no reason in a list; or all."""

    reason: str = ""
    others: Collection[str] = ()

    @property
    def all(self) -> bool:
        return not self.reason and not self.others

    def among(self, reasons: pa.Array) -> pa.Array:
        if self.reason:
            return pc.equal(reasons, self.reason)
        return pc.invert(pc.is_in(reasons, value_set=pa.array(list(self.others), pa.string())))


@dataclass(frozen=True, slots=True)
class Page:
    """Rejects in the order of their files and lines; `after` asks for the next page."""

    rows: tuple[dict[str, Any], ...] = ()
    after: int | None = None


def rejects_of(version: Version) -> Version | None:
    """The rejected rows of the import that made a version; None where all rows could be used, or they were purged."""
    found = version.run.outputs.filter(role="rejects", purged=None)
    rejects: Version | None = found.select_related("dataset__project").first()
    return rejects


def reasons_of(version: Version) -> tuple[dict[str, int], int]:
    """How many rows were rejected for each of the 20 most frequent reasons, and how many for others."""
    reasons = {str(reason): int(count) for reason, count in version.facts.get("reasons", {}).items()}
    return reasons, max(int(version.facts.get("rejected", 0)) - sum(reasons.values()), 0)


def page(rejects: Version, wanted: Wanted, *, after: int = -1, limit: int = 50) -> Page:
    """
    The rejects behind position `after`. Without a reason a page costs the same wherever it lies; with one, only the
    reasons from there on are read, up to the last row of the page.
    """
    last = rejects.rows
    places = range(after + 1, min(after + 2 + limit, last)) if wanted.all else _places(rejects, wanted, after)
    found = list(islice(places, limit + 1))
    rows = _at(rejects, found[:limit])
    return Page(rows, found[limit - 1] if len(found) > limit else None)


def _places(rejects: Version, wanted: Wanted, after: int) -> Any:
    behind = groups(store(), rejects.shards(), ["reason"], lambda first, rows: first + rows > after + 1)
    for first, batch in behind:
        for place in pc.indices_nonzero(wanted.among(batch.column("reason"))).to_pylist():
            if first + place > after:
                yield first + place


def _at(rejects: Version, places: list[int]) -> tuple[dict[str, Any], ...]:
    held: dict[int, dict[str, Any]] = {}
    for first, batch in groups(store(), rejects.shards(), None, holding(places)):
        for place in places:
            if first <= place < first + batch.num_rows:
                held[place] = batch.slice(place - first, 1).to_pylist()[0] | {"position": place}
    return tuple(held[place] for place in places if place in held)
