"""The explorer: columns with their shape, rows by filter, order and words; and one row with its whole story."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from curation.access import ProjectRequest, viewing
from curation.engine.exploring import ATTRIBUTES, Bin, Column, Count, Counts, Query, Type
from curation.models import Run, Version
from curation.paging import number as key
from curation.questions.explorer import Explorer, explore
from curation.questions.lineage import lineage
from curation.questions.stories import ROWS, find_row, story
from curation.questions.tables import plain_rows
from curation.views.datasets import head, version_of
from curation.views.turns import Look, shown_record

OWN = ("q", "columns")
SHOWN = ("source", "turns", "tokens", "completions")
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
        return "missing" if self.column.low is None else _said(self.column.low)

    @property
    def range(self) -> str:
        low, high = self.column.low, self.column.high
        if low is None or self.column.type == Type.BOOLEAN:
            return "–" if low is None else "true, false" if low != high else _said(low)
        return (
            f"{_short(low)} … {_short(high)}"
            if self.column.type == Type.TEXT
            else f"{_said(low)} to {_said(high)}"
        )

    @property
    def width(self) -> int:
        return STEP * max(len(self.bars), LEAST)

    @property
    def middle(self) -> str:
        if self.column.median is not None:
            return (
                f"median {self.column.median:,}"
                if isinstance(self.column.median, int)
                else (f"median {self.column.median:,.2f}")
            )
        if not self.column.values or _all_different(self.column):
            return "all different" if self.column.values else "–"
        most = self.column.values[0]
        return f"{_said(most.value)} in {most.rows / self.column.rows:.1%}"

    @property
    def label(self) -> str:
        """The shape of the column in words."""
        highest = max(self.bars, key=lambda bar: bar.rows, default=None)
        return (
            f"{self.column.name}: most rows at {highest.said}"
            if highest
            else f"{self.column.name}: no values"
        )


@require_GET
@viewing
def version(request: ProjectRequest, name: str, number: int) -> HttpResponse:
    """Rows of the version; tables of evidence are shown plainly."""
    found = version_of(request, name, number)
    context = head(found, "explore") | {"lineage": lineage(found)}
    if found.purged:
        return render(request, "curation/version_purged.html", context)
    if found.kind not in ROWS:
        after = key(request.GET.get("after", "")) or 0
        return render(request, "curation/version_plain.html", context | {"table": plain_rows(found, after)})
    with explore(found) as explorer:
        context |= _explored(request, explorer)
    return render(request, "curation/version.html", context)


@require_GET
@viewing
def version_columns(request: ProjectRequest, name: str, number: int) -> HttpResponse:
    """The columns over the rows that the filters let through; a page asks for it once it is there itself."""
    found = version_of(request, name, number)
    if found.kind not in ROWS or found.purged:
        raise Http404
    with explore(found) as explorer:
        query = _query(request, explorer)
        counted = {one.name: explorer.histogram(one.name, query) for one in explorer.columns}
        columns = [_described(found, query, one, counted[one.name]) for one in explorer.columns]
        context = {"version": found, **_parted(columns), "filtered": True, "counted": True}
    return render(request, "curation/_columns.html", context)


def _query(request: ProjectRequest, explorer: Explorer) -> Query:
    pairs = [(name, value) for name, values in request.GET.lists() for value in values]
    return explorer.query(pairs, own=OWN)


def _explored(request: ProjectRequest, explorer: Explorer) -> dict[str, Any]:
    query, words = _query(request, explorer), request.GET.get("q", "").strip()
    version = explorer.version
    told: dict[str, Any] = {
        "profiled": explorer.profile is not None,
        **_parted([_described(version, query, one) for one in explorer.columns]),
        "filtered": bool(query.filters),
        "chips": list(_chips(version, query, words)),
        "query": query,
        "words": words,
        "later": urlencode(query.at().pairs()),
        "extra": _extra(explorer),
        "sorts": {name: _sort_url(version, query, name) for name in SHOWN},
    }
    if not told["profiled"]:
        told["profiling"] = Run.objects.active().filter(kind="profile", inputs=version).first()
    if words:
        return told | _searched(explorer, query, words)
    page = explorer.rows(query)
    return told | {
        "rows": page.rows,
        "matching": explorer.count(query) if explorer.profile else version.rows,
        "previous": None if page.previous is None else urlencode(query.at(before=page.previous).pairs()),
        "next": None if page.next is None else urlencode(query.at(after=page.next).pairs()),
    }


def _searched(explorer: Explorer, query: Query, words: str) -> dict[str, Any]:
    found = explorer.search(words, query)
    onward = [("q", words), *query.at(after=found.searched_to).pairs()]
    return {
        "rows": found.rows,
        "searched_to": found.searched_to + 1,
        "exhausted": found.exhausted,
        "next": None if found.exhausted else urlencode(onward),
    }


def _parted(columns: list[Described]) -> dict[str, list[Described]]:
    """Those that have a shape, and those that are the same in every row."""
    varying = [one for one in columns if one.varies]
    return {"columns": varying, "constant": [one for one in columns if not one.varies]}


def _extra(explorer: Explorer) -> list[str]:
    """Up to three columns that this version has beside those of every version."""
    return [name for name in explorer.types if name not in ATTRIBUTES.names][:3]


def _address(version: Version, query: Query) -> str:
    place = reverse("version", args=[version.dataset.project.name, version.dataset.name, version.number])
    return f"{place}?{urlencode(query.pairs())}" if query.pairs() else place


def _sort_url(version: Version, query: Query, name: str) -> str:
    down = query.sort == name
    return _address(version, Query(query.filters, limit=query.limit, sort=f"-{name}" if down else name))


def _chips(version: Version, query: Query, words: str) -> Iterator[tuple[str, str]]:
    """What narrows the rows, in words, with the address without it."""
    for one in query.filters:
        if one.ranged:
            low = "" if one.low is None else f"from {one.low:,} "
            high = "" if one.high is None else f"to below {one.high:,}"
            said = f"{low}{high}".strip()
        else:
            said = " or ".join([_said(value) for value in one.values] + (["missing"] if one.null else []))
        yield f"{one.column} {said}", _address(version, query.without(one.column))
    if words:
        yield f"words: {words}", _address(version, query)


def _described(version: Version, query: Query, column: Column, counts: Counts | None = None) -> Described:
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
            said=_bin(one) if isinstance(one, Bin) else _said(one.value),
            url=_address(version, query.narrowed(column.filter(one))),
            on=_is_chosen(column, one, chosen),
        )
        for place, one in enumerate(shown)
    ]
    nulls = _address(version, query.narrowed(column.filter(None)))
    return Described(column, bars, nulls, _sort_url(version, query, column.name))


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


def _said(value: Any) -> str:
    return (
        str(value).lower()
        if isinstance(value, bool)
        else f"{value:,}"
        if isinstance(value, int)
        else str(value)
    )


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 20 else f"{text[:19]}…"


@require_GET
@viewing
def row(request: ProjectRequest, name: str, number: int, record_id: str) -> HttpResponse:
    """One row: what it says, and why it is here or gone."""
    found = version_of(request, name, number)
    if found.kind not in ROWS:
        raise Http404
    record = None if found.purged else find_row(found, record_id)
    steps = story(request.project, name, record_id)
    look = Look.asked(request.GET)
    context = {
        "version": found,
        "record_id": record_id,
        "record": shown_record(record, look) if record else None,
        "look": look,
        "steps": steps,
    }
    return render(request, "curation/row.html", context)
