"""
What the columns of a version hold, worked out once: nulls, range, middle, frequent values and a histogram.

Memory is bounded: columns of up to 50,000 distinct values are counted exactly, of others the number of distinct
values and the middle are approximate (HyperLogLog, t-digest). Everything is ready for JSON.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from curation.engine.exploring.filters import Filter, Number, Value
from curation.engine.exploring.reading import Sheet, quoted
from curation.engine.exploring.types import Type
from curation.engine.progress import Progress, ignore

OPAQUE = ("row", "id", "preview")  # different in every row: nothing to sum up
COUNTED = 50_000
MOST_VALUES = 20
MOST_BINS = 20
TAIL = 0.01
LONG_TAIL = 1.5  # a range that is so many times as long as without its tails is cut


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows from `low` to below `high`; without one of them, all that are further out."""

    low: Number | None
    high: Number | None
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Count:
    value: Value
    rows: int


@dataclass(frozen=True, slots=True)
class Column:
    """A column of attributes over a whole version. `median` and `mean` are of numbers only."""

    name: str
    type: Type
    rows: int
    nulls: int
    distinct: int = 0
    approximate: bool = False
    low: Value | None = None
    high: Value | None = None
    median: Number | None = None
    mean: float | None = None
    values: tuple[Count, ...] = ()
    bins: tuple[Bin, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"type": self.type.value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Column":
        values = tuple(Count(**one) for one in data["values"])
        bins = tuple(Bin(**one) for one in data["bins"])
        return cls(**{**data, "type": Type(data["type"]), "values": values, "bins": bins})

    def filter(self, chosen: Bin | Count | None) -> Filter:
        """What a click on a bin, on a value or on the nulls asks for."""
        if chosen is None:
            return Filter(self.name, null=True)
        if isinstance(chosen, Count):
            return Filter(self.name, values=(chosen.value,))
        return Filter(self.name, chosen.low, chosen.high)


def describe(sheet: Sheet, progress: Progress = ignore) -> list[Column]:
    """All columns but those that are different in every row; progress in columns."""
    names = [name for name in sheet.types if name not in OPAQUE]
    told = []
    for done, name in enumerate(names):
        progress(done, len(names))
        told.append(_described(sheet, name))
    return told


def _described(sheet: Sheet, name: str) -> Column:
    column = quoted(name)
    sql = f"SELECT count(*) AS rows, count({column}) AS known, approx_count_distinct({column}) AS distinct_"
    (sizes,) = sheet.ask(f"{sql} FROM attributes", [], [name]).to_pylist()
    rows, known, distinct = sizes["rows"], sizes["known"], sizes["distinct_"]
    found = Column(name, sheet.types[name], rows, rows - known, distinct)
    if not known:
        return replace(found, distinct=0)
    return _counted(sheet, found) if distinct <= COUNTED else _estimated(sheet, found)


def _counted(sheet: Sheet, found: Column) -> Column:
    """Exactly, from how often each value occurs."""
    column = quoted(found.name)
    sql = f"SELECT {column} AS value, count(*) AS rows FROM attributes WHERE {column} IS NOT NULL"
    table = sheet.ask(f"{sql} GROUP BY 1 ORDER BY 1", [], [found.name])
    values, rows = table["value"].combine_chunks(), table["rows"].to_numpy()
    ends = {"low": values[0].as_py(), "high": values[-1].as_py()}
    found = replace(found, distinct=len(values), **ends)
    if not found.type.numeric:
        return replace(found, values=_most_frequent(values, rows))
    numbers = values.to_numpy()
    bins = _bins(found, *(_quantile(numbers, rows, share) for share in (TAIL, 1 - TAIL)))
    return replace(
        found,
        median=_quantile(numbers, rows, 0.5),
        mean=float(np.average(numbers, weights=rows)),
        bins=filled_bins(bins, binned(numbers, bins, rows)),
        values=_most_frequent(values, rows) if _few_whole_numbers(found) else (),
    )


def _few_whole_numbers(found: Column) -> bool:
    return found.type == Type.INTEGER and found.distinct <= MOST_VALUES


def _estimated(sheet: Sheet, found: Column) -> Column:
    """The range exactly, the rest nearly."""
    column = quoted(found.name)
    told = f"min({column}) AS low, max({column}) AS high"
    if found.type.numeric:
        told += f", avg({column}) AS mean, approx_quantile({column}, [{TAIL}, 0.5, {1 - TAIL}]) AS quantiles"
    (row,) = sheet.ask(f"SELECT {told} FROM attributes", [], [found.name]).to_pylist()
    found = replace(found, approximate=True, low=row["low"], high=row["high"])
    if not found.type.numeric:
        return found
    first, median, last = row["quantiles"]
    bins = _bins(found, first, last)
    counts = np.zeros(len(bins), np.int64)
    for some in _numbers(sheet, found.name):
        counts += binned(some, bins)
    return replace(found, median=_plain(median), mean=row["mean"], bins=filled_bins(bins, counts))


def _numbers(sheet: Sheet, name: str) -> Iterator[np.ndarray]:
    for batch in sheet.stream(f"SELECT {quoted(name)} AS value FROM attributes", [], [name]):
        yield batch.column("value").drop_null().to_numpy()


def _most_frequent(values: pa.Array, rows: np.ndarray) -> tuple[Count, ...]:
    order = np.argsort(-rows, kind="stable")[:MOST_VALUES]
    return tuple(Count(values[int(i)].as_py(), int(rows[i])) for i in order)


def _quantile(values: np.ndarray, rows: np.ndarray, share: float) -> Number:
    """Between the two rows next to it, in proportion."""
    behind, place = np.cumsum(rows), share * (rows.sum() - 1)
    below, above = (
        values[np.searchsorted(behind, at, side="right")] for at in (int(place), math.ceil(place))
    )
    return _plain(float(below) + (float(above) - float(below)) * (place - int(place)))


def _plain(number: Number) -> Number:
    return int(number) if float(number).is_integer() else float(number)


def binned(values: np.ndarray, bins: tuple[Bin, ...], rows: np.ndarray | None = None) -> np.ndarray:
    """How many values fall into each bin, each counted as often as `rows` says."""
    edges = np.array([one.low for one in bins[1:]], values.dtype)
    place = np.searchsorted(edges, values, side="right")
    return np.bincount(place, rows, len(bins)).astype(np.int64)


def filled_bins(bins: tuple[Bin, ...], counts: np.ndarray) -> tuple[Bin, ...]:
    return tuple(replace(one, rows=int(rows)) for one, rows in zip(bins, counts, strict=True))


def _bins(found: Column, first: Number, last: Number) -> tuple[Bin, ...]:
    """
    Up to 20 bins of one readable width over the range of a column, open at the end where a few rows are far out.

    `first` and `last` are what all but one row in a hundred are above and below.
    """
    low, high = _number(found.low), _number(found.high)
    bottom = first if high - low > LONG_TAIL * (high - first) else low
    top = last if high - bottom > LONG_TAIL * (last - bottom) else high
    whole = found.type == Type.INTEGER
    edges = _edges(bottom, top, whole, MOST_BINS - (bottom > low) - (top < high))
    ends: list[Number | None] = list(edges)
    ends = [None, *ends] if bottom > low and edges[0] > low else ends
    ends = [*ends, None] if edges[-1] <= high else ends
    return tuple(Bin(one, other) for one, other in pairwise(ends))


def _number(value: Value | None) -> Number:
    return value if isinstance(value, (int, float)) else 0


def _edges(bottom: Number, top: Number, whole: bool, most: int) -> list[Number]:
    """Multiples of 1, 2 or 5 times a power of ten, the last of them above `top`."""
    for width in _widths((top - bottom) / most or abs(top) / most or 1, whole):
        start, end = math.floor(bottom / width), math.floor(top / width) + 1
        if end - start <= most:
            places = max(0, -math.floor(math.log10(width)))
            edges = [round(i * width, places) for i in range(start, end + 1)]
            return [int(edge) for edge in edges] if whole else edges
    raise AssertionError("widths grow without end")


def _widths(smallest: float, whole: bool) -> Iterator[Number]:
    power = math.floor(math.log10(smallest))
    while True:
        for step in (1, 2, 5):
            width = step * 10**power if power >= 0 else step / 10**-power
            if width >= smallest and (not whole or width >= 1):
                yield width
        power += 1
