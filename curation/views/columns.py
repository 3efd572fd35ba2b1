"""A column as a page shows it: what it holds in words, and its shape as bars, each of which filters the rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from curation.engine.exploring import Bin, Column, Count, Counts, Query, Type
from curation.models import Version

STEP, HIGH, FLOOR, LEAST = 7, 25, 27, 20  # of a histogram, in its own units


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a histogram: of all rows and of those found, drawn `STEP` apart and `HIGH` at most."""

    place: int
    rows: int
    found: int
    highest: int
    said: str
    url: str
    on: bool

    @property
    def x(self) -> int:
        return self.place * STEP

    @property
    def wide(self) -> int:
        return STEP - 1

    @property
    def tall(self) -> str:
        return self._tall(self.rows)

    @property
    def top(self) -> str:
        return f"{FLOOR - float(self.tall):.1f}"

    @property
    def lit_tall(self) -> str:
        return self._tall(self.found)

    @property
    def lit_top(self) -> str:
        return f"{FLOOR - float(self.lit_tall):.1f}"

    def _tall(self, rows: int) -> str:
        return f"{max(1.0, HIGH * rows / self.highest) if rows else 0.0:.1f}"


@dataclass(frozen=True, slots=True)
class Described:
    """A column for the table of columns."""

    column: Column
    bars: list[Bar]
    nulls_url: str
    sort_url: str

    @property
    def varies(self) -> bool:
        """Some rows are different from others in it; else one line says what they all are."""
        return self.column.distinct > 1 or 0 < self.column.nulls < self.column.rows

    @property
    def same(self) -> str:
        """What every row is in it."""
        return "missing" if self.column.low is None else worded(self.column.low)

    @property
    def range(self) -> str:
        low, high = self.column.low, self.column.high
        if low is None:
            return "–"
        if self.column.type == Type.BOOLEAN:
            return "true, false" if low != high else worded(low)
        if self.column.type == Type.TEXT:
            return f"{_short(low)} … {_short(high)}"
        return f"{worded(low)} to {worded(high)}"

    @property
    def width(self) -> int:
        return STEP * max(len(self.bars), LEAST)

    @property
    def middle(self) -> str:
        """The median of numbers, else the value that most rows have."""
        if (median := self.column.median) is not None:
            return f"median {median:,}" if isinstance(median, int) else f"median {median:,.2f}"
        if not self.column.values:
            return "–"
        if _all_different(self.column):
            return "all different"
        most = self.column.values[0]
        return f"{worded(most.value)} in {most.rows / self.column.rows:.1%}"


def described(version: Version, query: Query, column: Column, counts: Counts | None = None) -> Described:
    chosen = {(one.column, one.low, one.high, one.values) for one in query.filters}
    shown: list[Bin | Count] = [] if _all_different(column) else list(column.bins or column.values)
    found = _found(column, counts)
    highest = max((one.rows for one in shown), default=0) or 1
    bars = [
        Bar(
            place=place,
            rows=one.rows,
            found=found.get(_key(one), 0) if counts else one.rows,
            highest=highest,
            said=_bin(one) if isinstance(one, Bin) else worded(one.value),
            url=address(version, query.narrowed(column.filter(one))),
            on=_is_chosen(column, one, chosen),
        )
        for place, one in enumerate(shown)
    ]
    nulls = address(version, query.narrowed(column.filter(None)))
    return Described(column, bars, nulls, sort_url(version, query, column.name))


def parted(columns: list[Described]) -> dict[str, list[Described]]:
    """Those that have a shape, and those that are the same in every row."""
    varying = [one for one in columns if one.varies]
    return {"columns": varying, "constant": [one for one in columns if not one.varies]}


def address(version: Version, query: Query) -> str:
    place = reverse("version", args=[version.dataset.project.name, version.dataset.name, version.number])
    return f"{place}?{urlencode(query.pairs())}" if query.pairs() else place


def sort_url(version: Version, query: Query, name: str) -> str:
    down = query.sort == name
    return address(version, Query(query.filters, limit=query.limit, sort=f"-{name}" if down else name))


def _all_different(column: Column) -> bool:
    """An id: its values tell nothing about its shape."""
    return column.type == Type.TEXT and column.distinct > 1 and column.distinct == column.rows - column.nulls


def _found(column: Column, counts: Counts | None) -> Mapping[Any, int]:
    if counts is None:
        return {}
    return {_key(one): one.rows for one in (counts.bins or counts.values)}


def _key(one: Bin | Count) -> Any:
    return (one.low, one.high) if isinstance(one, Bin) else one.value


def _is_chosen(column: Column, one: Bin | Count, chosen: set[Any]) -> bool:
    made = column.filter(one)
    return (made.column, made.low, made.high, made.values) in chosen


def _bin(one: Bin) -> str:
    if one.low is None:
        return f"below {one.high:,}"
    return f"{one.low:,} and more" if one.high is None else f"{one.low:,} to below {one.high:,}"


def worded(value: Any) -> str:
    """A value as columns and filters say it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:,}" if isinstance(value, int) else str(value)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 20 else f"{text[:19]}…"
