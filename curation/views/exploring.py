"""The explorer: columns with their shape, rows by filter, order and words; and one row with its whole story."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from curation.access import ProjectRequest, viewing
from curation.asked import number as key
from curation.engine.exploring import ATTRIBUTES, Query
from curation.models import Run, Version
from curation.questions.explorer import Explorer, explore
from curation.questions.lineage import lineage
from curation.questions.stories import ROWS, find_row, story
from curation.questions.tables import plain_rows
from curation.views.columns import address, described, parted, sort_url, worded
from curation.views.datasets import head, version_of
from curation.views.turns import Look, shown_record

OWN = ("q", "columns")
SHOWN = ("source", "turns", "tokens", "completions")


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
        columns = [described(found, query, one, counted[one.name]) for one in explorer.columns]
        context = {"version": found, **parted(columns), "filtered": True, "counted": True}
    return render(request, "curation/_columns.html", context)


def _query(request: ProjectRequest, explorer: Explorer) -> Query:
    pairs = [(name, value) for name, values in request.GET.lists() for value in values]
    return explorer.query(pairs, own=OWN)


def _explored(request: ProjectRequest, explorer: Explorer) -> dict[str, Any]:
    query, words = _query(request, explorer), request.GET.get("q", "").strip()
    version = explorer.version
    told: dict[str, Any] = {
        "profiled": explorer.profile is not None,
        **parted([described(version, query, one) for one in explorer.columns]),
        "filtered": bool(query.filters),
        "chips": list(_chips(version, query, words)),
        "query": query,
        "words": words,
        "later": urlencode(query.at().pairs()),
        "extra": _extra(explorer),
        "sorts": {name: sort_url(version, query, name) for name in SHOWN},
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


def _extra(explorer: Explorer) -> list[str]:
    """Up to three columns that this version has beside those of every version."""
    return [name for name in explorer.types if name not in ATTRIBUTES.names][:3]


def _chips(version: Version, query: Query, words: str) -> Iterator[tuple[str, str]]:
    """What narrows the rows, in words, with the address without it."""
    for one in query.filters:
        if one.ranged:
            low = "" if one.low is None else f"from {one.low:,} "
            high = "" if one.high is None else f"to below {one.high:,}"
            said = f"{low}{high}".strip()
        else:
            said = " or ".join([worded(value) for value in one.values] + (["missing"] if one.null else []))
        yield f"{one.column} {said}", address(version, query.without(one.column))
    if words:
        yield f"words: {words}", address(version, query)


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
