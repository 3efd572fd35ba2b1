"""
Which rows are asked for, as a query string says it: `tokens=48..112&source=a&source=b&licence=&sort=-tokens`.

A range takes its lower end in and its upper end out, so neighbouring bins of a histogram share no row. A name without
a value asks for rows that have none. Values of one column are alternatives; columns narrow each other.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from curation.engine.errors import BadConfig
from curation.engine.exploring.reading import quoted
from curation.engine.exploring.types import Type

Value = str | int | float | bool
Number = int | float
Pairs = list[tuple[str, str]]
Condition = tuple[str, list[Any]]

PAGE = 20
LONGEST_PAGE = 200
OWN = ("after", "before", "limit", "sort")
BETWEEN = ".."
LARGEST = 2**63


@dataclass(frozen=True, slots=True)
class Filter:
    """What a column must be: in a range, one of some values, or missing."""

    column: str
    low: Number | None = None
    high: Number | None = None
    values: tuple[Value, ...] = ()
    null: bool = False

    def __post_init__(self) -> None:
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise BadConfig(f"{self.column}: a range goes up, and {self.low} to {self.high} does not")
        if not (self.ranged or self.values or self.null):
            raise BadConfig(f"{self.column}: say a range or a value")

    @property
    def ranged(self) -> bool:
        return self.low is not None or self.high is not None

    def condition(self) -> Condition:
        """As SQL, with the values that it is bound to."""
        either: list[str] = []
        bound: list[Value] = []
        column = quoted(self.column)
        if self.ranged:
            ends = [(">=", self.low), ("<", self.high)]
            given = [(sign, end) for sign, end in ends if end is not None]
            either.append(" AND ".join(f"{column} {sign} ?" for sign, _ in given))
            bound += [end for _, end in given]
        if self.values:
            either.append(f"{column} IN ({', '.join('?' * len(self.values))})")
            bound += self.values
        if self.null:
            either.append(f"{column} IS NULL")
        return f"({' OR '.join(f'({one})' for one in either)})", bound

    def pairs(self) -> Pairs:
        said = [f"{_text(self.low)}{BETWEEN}{_text(self.high)}"] if self.ranged else []
        said += [_text(value) for value in self.values]
        return [(self.column, one) for one in [*said, *([""] if self.null else [])]]


@dataclass(frozen=True, slots=True)
class Query:
    """
    Filters, an order and a page. `after` and `before` are positions of rows, not numbers of pages: the page begins
    behind the one or ends in front of the other, in the order asked for. `sort` is a column, with `-` downwards.
    """

    filters: tuple[Filter, ...] = ()
    after: int | None = None
    before: int | None = None
    limit: int = PAGE
    sort: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.limit <= LONGEST_PAGE:
            raise BadConfig(f"A page has 1 to {LONGEST_PAGE} rows, not {self.limit}")
        if self.after is not None and self.before is not None:
            raise BadConfig("Say after which row or before which row, not both")

    @classmethod
    def parse(
        cls, pairs: Iterable[tuple[str, str]], types: Mapping[str, Type], *, own: Collection[str] = ()
    ) -> "Query":
        """
        Of a query string, over columns of these types; `own` are names that the caller reads itself. BadConfig for an
        unknown column and for what a column cannot be.
        """
        said: dict[str, list[str]] = {}
        for name, text in pairs:
            if name not in own:
                said.setdefault(name, []).append(text)
        page = {name: texts[-1] for name in OWN if (texts := said.pop(name, [])) and texts[-1]}
        sort = page.get("sort", "")
        for column in [*said, *([sort.removeprefix("-")] if sort else [])]:
            if column not in types:
                raise BadConfig(f"There is no column {column!r}; there are: {', '.join(types) or 'none yet'}")
        filters = tuple(_filter(column, types[column], texts) for column, texts in said.items())
        places = {name: _whole(name, page[name]) for name in ("after", "before", "limit") if name in page}
        return cls(filters, sort=sort, **places)

    def pairs(self) -> Pairs:
        """What `parse` makes this query of again."""
        pairs = [pair for one in self.filters for pair in one.pairs()]
        pairs += [("sort", self.sort)] if self.sort else []
        pairs += [("limit", str(self.limit))] if self.limit != PAGE else []
        places = (("after", self.after), ("before", self.before))
        return pairs + [(name, str(at)) for name, at in places if at is not None]

    def narrowed(self, new: Filter) -> "Query":
        """From its beginning, with this filter instead of what the column was filtered by."""
        return replace(self.without(new.column), filters=(*self.without(new.column).filters, new))

    def without(self, column: str) -> "Query":
        kept = tuple(one for one in self.filters if one.column != column)
        return replace(self, filters=kept, after=None, before=None)

    def at(self, *, after: int | None = None, before: int | None = None) -> "Query":
        return replace(self, after=after, before=before)

    def condition(self) -> Condition:
        """As SQL that is true of the rows that the filters let through."""
        parts = [one.condition() for one in self.filters]
        return " AND ".join(sql for sql, _ in parts) or "true", [value for _, each in parts for value in each]

    @property
    def columns(self) -> list[str]:
        """What has to be read to answer."""
        return ["row", *(one.column for one in self.filters), *([self.by[0]] if self.sort else [])]

    @property
    def by(self) -> tuple[str, bool]:
        """The column that sorts, and whether downwards."""
        return self.sort.removeprefix("-") or "row", self.sort.startswith("-")


def _filter(column: str, kind: Type, texts: list[str]) -> Filter:
    said = [text for text in texts if text]
    ranges = [text for text in said if kind.numeric and BETWEEN in text]
    if len(ranges) > 1:
        raise BadConfig(f"{column}: give one range, not {len(ranges)}")
    ends = ranges[0].split(BETWEEN, 1) if ranges else ["", ""]
    low, high = (_number(column, kind, end) if end else None for end in ends)
    values = tuple(_value(column, kind, text) for text in said if text not in ranges)
    return Filter(column, low, high, values, null=len(said) < len(texts))


def _value(column: str, kind: Type, text: str) -> Value:
    if kind == Type.TEXT:
        return text
    if kind == Type.BOOLEAN:
        if text not in ("true", "false"):
            raise BadConfig(f"{column} is true or false, not {text!r}")
        return text == "true"
    return _number(column, kind, text)


def _number(column: str, kind: Type, text: str) -> Number:
    if kind == Type.INTEGER:
        return _whole(column, text)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadConfig(f"{column} is a number, not {text!r}")
    return number


def _whole(name: str, text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise BadConfig(f"{name} is a whole number, not {text!r}") from None
    if abs(number) >= LARGEST:
        raise BadConfig(f"{name}: {text} is too large")
    return number


def _text(value: Value | None) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
