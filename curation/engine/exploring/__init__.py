"""
Look around in a version: facts about every row, worked out once, and questions about them.

`attributes` makes the facts of a batch of records, `describe` sums their columns up, `Query` says which rows are asked
for, `page`, `count`, `histogram` and `summaries` answer, and `search` looks for words in the records themselves.
"""

from curation.engine.exploring.attributes import ATTRIBUTES, attributes, schema_with
from curation.engine.exploring.filters import Filter, Query
from curation.engine.exploring.notes import Note, chosen, seen
from curation.engine.exploring.picking import picked
from curation.engine.exploring.reading import Sheet, sheet
from curation.engine.exploring.rows import (
    Counts,
    Page,
    Summary,
    at,
    count,
    histogram,
    page,
    page_of,
    places,
    positions,
    summaries,
)
from curation.engine.exploring.search import Hits, search
from curation.engine.exploring.statistics import Bin, Column, Count, describe
from curation.engine.exploring.types import Type, types_of

__all__ = [
    "ATTRIBUTES",
    "Bin",
    "Column",
    "Count",
    "Counts",
    "Filter",
    "Hits",
    "Note",
    "Page",
    "Query",
    "Sheet",
    "Summary",
    "Type",
    "at",
    "attributes",
    "chosen",
    "count",
    "describe",
    "histogram",
    "page",
    "page_of",
    "picked",
    "places",
    "positions",
    "schema_with",
    "search",
    "seen",
    "sheet",
    "summaries",
    "types_of",
]
