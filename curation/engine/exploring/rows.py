"""
Rows of a version by their attributes: a page, a count, a histogram, all under the same filters.

Where the rows are is asked first, reading only the columns that decide it; what they hold is then read at these
positions only. Pages go by key, so the last one costs what the first one costs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from curation.engine.errors import BadConfig
from curation.engine.exploring.filters import Condition, Query, Value
from curation.engine.exploring.reading import Sheet, quoted
from curation.engine.exploring.statistics import MOST_VALUES, Bin, Column, Count, binned, filled_bins

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows; `previous` is what the page before these ends before, `next` what the page behind comes after."""

    rows: tuple[Row, ...] = ()
    previous: int | None = None
    next: int | None = None

    @property
    def more(self) -> bool:
        return self.next is not None


@dataclass(frozen=True, slots=True)
class Counts:
    """How the rows that a query finds are spread over a column's values or bins, the same bins as without filters."""

    rows: int
    nulls: int
    values: tuple[Count, ...] = ()
    bins: tuple[Bin, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """A column over the rows that a query finds."""

    column: str
    nulls: int
    low: Value | None
    high: Value | None
    mean: float | None


def page(sheet: Sheet, query: Query) -> Page:
    """The page of a query. A page that is asked for by `before` may be short: it is then the first."""
    asked = query.filters or query.sort
    found = _positions(sheet, query) if asked else places(query, sheet.rows)
    return page_of(query, found, lambda positions: at(sheet, positions))


def places(query: Query, rows: int) -> list[int]:
    """
    Where no row is left out, positions need no question: those of the page and one row more, from its near end, of so
    many rows.
    """
    if query.before is not None:
        end = min(max(query.before, 0), rows)
        return list(range(end - 1, max(end - query.limit - 1, 0) - 1, -1))
    start = 0 if query.after is None else max(query.after + 1, 0)
    return list(range(start, min(start + query.limit + 1, rows)))


def page_of(query: Query, found: list[int], read: Callable[[list[int]], tuple[Row, ...]]) -> Page:
    """The page whose positions were found (and one more, if there are more), read in the order of the query."""
    backwards, more, found = query.before is not None, len(found) > query.limit, found[: query.limit]
    if backwards:
        found = found[::-1]
    if not found:
        return Page()
    earlier = more if backwards else query.after is not None
    return Page(read(found), found[0] if earlier else None, found[-1] if backwards or more else None)


def at(sheet: Sheet, positions: Sequence[int]) -> tuple[Row, ...]:
    """The rows at these positions, in the order of the positions."""
    if not positions:
        return ()
    columns = ", ".join(quoted(name) for name in sheet.types)
    sql = f"SELECT {columns} FROM attributes WHERE row IN ({', '.join('?' * len(positions))})"
    found = sheet.ask(sql, positions, sheet.types, among=positions).to_pylist()
    held = {row["row"]: row for row in found}
    return tuple(held[position] for position in positions if position in held)


def count(sheet: Sheet, query: Query) -> int:
    """How many rows the filters let through."""
    if not query.filters:
        return sheet.rows
    condition, values = query.condition()
    sql = f"SELECT count(*) AS rows FROM attributes WHERE {condition}"
    (row,) = sheet.ask(sql, values, query.columns).to_pylist()
    return int(row["rows"])


def positions(sheet: Sheet, query: Query) -> np.ndarray:
    """All rows that the filters let through, as ascending positions (int64)."""
    condition, values = query.condition()
    sql = f"SELECT row FROM attributes WHERE {condition}"
    return np.sort(sheet.ask(sql, values, query.columns)["row"].to_numpy())


def histogram(sheet: Sheet, column: Column, query: Query) -> Counts:
    """The rows that a query finds by the bins of a numeric column, or by the most frequent values of another."""
    return (_by_bin if column.type.numeric else _by_value)(sheet, column, query)


def _by_bin(sheet: Sheet, column: Column, query: Query) -> Counts:
    condition, bound = query.condition()
    sql = f"SELECT {quoted(column.name)} AS value FROM attributes WHERE {condition}"
    counts, rows, nulls = np.zeros(len(column.bins), np.int64), 0, 0
    for batch in sheet.stream(sql, bound, [column.name, *query.columns]):
        values = batch.column("value")
        rows, nulls = rows + len(values), nulls + values.null_count
        counts += binned(values.drop_null().to_numpy(), column.bins)
    return Counts(rows, nulls, bins=filled_bins(column.bins, counts))


def _by_value(sheet: Sheet, column: Column, query: Query) -> Counts:
    """Of a column with too many values to count (see `describe`) only how many rows have one."""
    condition, bound = query.condition()
    own, columns = quoted(column.name), [column.name, *query.columns]
    value = f"CASE WHEN {own} IS NULL THEN NULL ELSE '' END" if column.approximate else own
    sql = f"SELECT {value} AS value, count(*) AS rows, sum(count(*)) OVER () AS total FROM attributes"
    sql += f" WHERE {condition} GROUP BY 1 ORDER BY value IS NOT NULL, rows DESC, value LIMIT ?"
    found = sheet.ask(sql, [*bound, MOST_VALUES + 1], columns).to_pylist()
    nulls = sum(one["rows"] for one in found if one["value"] is None)
    values = [] if column.approximate else [one for one in found if one["value"] is not None][:MOST_VALUES]
    total = int(found[0]["total"]) if found else 0
    return Counts(total, nulls, tuple(Count(one["value"], one["rows"]) for one in values))


def summaries(sheet: Sheet, query: Query) -> list[Summary]:
    """Nulls, range and mean of every number and truth value over the rows that a query finds."""
    condition, bound = query.condition()
    columns = [name for name, kind in sheet.types.items() if name != "row" and kind != "text"]
    told = []
    for i, name in enumerate(columns):
        value = quoted(name)
        mean = value if sheet.types[name].numeric else f"{value}::INT"
        told.append(f"count(*) - count({value}) AS nulls{i}, min({value}) AS low{i}, max({value}) AS high{i}")
        told.append(f"avg({mean}) AS mean{i}")
    sql = f"SELECT {', '.join(told)} FROM attributes WHERE {condition}"
    (row,) = sheet.ask(sql, bound, [*query.columns, *columns]).to_pylist()
    parts = ("nulls", "low", "high", "mean")
    return [Summary(name, *(row[f"{part}{i}"] for part in parts)) for i, name in enumerate(columns)]


def _positions(sheet: Sheet, query: Query) -> list[int]:
    """Of the page and one row more, from its near end."""
    (column, down), backwards = query.by, query.before is not None
    condition, values = query.condition()
    place, bound = _place(sheet, query)
    order = (
        f"{quoted(column)} {'DESC' if down != backwards else 'ASC'} NULLS {'FIRST' if backwards else 'LAST'}"
    )
    sql = f"SELECT row FROM attributes WHERE {condition} AND {place}"
    sql += f" ORDER BY {order}, row {'DESC' if backwards else 'ASC'} LIMIT ?"
    found = sheet.ask(sql, [*values, *bound, query.limit + 1], query.columns)
    return found["row"].to_pylist()  # type: ignore[no-any-return]


def _place(sheet: Sheet, query: Query) -> Condition:
    """What is true of the rows behind `after` or in front of `before`, in the order of the query."""
    cursor, backwards = query.after if query.before is None else query.before, query.before is not None
    if cursor is None:
        return "true", []
    (column, down), name = query.by, quoted(query.by[0])
    beyond, tie = "<" if down != backwards else ">", f"row {'<' if backwards else '>'} ?"
    if column == "row":
        return f"row {beyond} ?", [cursor]
    value = _value_at(sheet, column, cursor)
    if value is None:
        return (f"({name} IS NOT NULL OR {tie})" if backwards else f"({name} IS NULL AND {tie})"), [cursor]
    nulls = "" if backwards else f" OR {name} IS NULL"
    return f"({name} {beyond} ? OR ({name} = ? AND {tie}){nulls})", [value, value, cursor]


def _value_at(sheet: Sheet, column: str, position: int) -> Any:
    sql = f"SELECT {quoted(column)} AS value FROM attributes WHERE row = ?"
    found = sheet.ask(sql, [position], ["row", column], among=[position]).to_pylist()
    if not found:
        raise BadConfig(f"There is no row {position}; rows are numbered from 0 to {sheet.rows - 1}")
    return found[0]["value"]
