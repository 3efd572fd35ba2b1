"""Two scans beside each other; compared once per process, since neither ever changes."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from curation.models import Run, store
from decontam.engine.differing import COLUMNS, Change, Difference, difference
from decontam.engine.numbered import Kept
from decontam.questions.reviews import several
from decontam.questions.scans import output

_kept = Kept(4, 256 << 20)


@dataclass(frozen=True, slots=True)
class Line:
    """A pair that the scans do not agree on, with the match of it in each; None where there is none."""

    change: str
    older: dict[str, Any] | None
    newer: dict[str, Any] | None

    @property
    def match(self) -> dict[str, Any]:
        """Where it was seen last."""
        return self.newer or self.older or {}


def difference_of(older: Run, newer: Run) -> Difference:
    """What the newer of two finished scans found otherwise, by the reasons of the scans, not by rules or rulings."""
    versions = [output(scan, "matches") for scan in (older, newer)]
    key = tuple(store().full(version.manifest_path) for version in versions)
    found: Difference | None = _kept.get(key)
    if found is None:
        found = difference(*(version.batches(COLUMNS) for version in versions))
        _kept.put(key, found, found.found.nbytes)
    return found


@dataclass(frozen=True, slots=True)
class Asked:
    """Which of the pairs are listed."""

    change: str = ""
    benchmark: str = ""
    method: str = ""

    @classmethod
    def parse(cls, said: Any) -> "Asked":
        """Out of a query string; a change that there is not lists all of them."""
        change = said.get("change", "")
        known = change if change in set(Change) - {Change.SAME} else ""
        return cls(known, said.get("benchmark", ""), said.get("method", ""))


def lines(
    older: Run, newer: Run, asked: Asked, *, after: int, limit: int
) -> tuple[list[Line], int, int | None]:
    """Up to `limit` pairs behind the first `after`, how many there are, and the `after` of the next page."""
    found = difference_of(older, newer)
    places = found.places(asked.change, asked.benchmark, asked.method)
    table = found.found.take(pa.array(places[after : after + limit]))
    sides = [
        _matches(scan, table.column(name).to_pylist()) for scan, name in ((older, "older"), (newer, "newer"))
    ]
    shown = [
        Line(change, *both) for change, *both in zip(table.column("change").to_pylist(), *sides, strict=True)
    ]
    return shown, len(places), after + limit if after + limit < len(places) else None


def _matches(scan: Run, seqs: list[int | None]) -> list[dict[str, Any] | None]:
    rows = {row["seq"]: row for row in several(scan, sorted({seq for seq in seqs if seq}))}
    return [rows[seq] if seq else None for seq in seqs]
