"""Versions that hold no records (evidence, removed rows, rejects) as plain tables, a page at a time."""

from dataclasses import dataclass
from typing import Any

import orjson

from curation.engine.store import GROUP_ROWS
from curation.models import Version, store

PAGE = 50
CELL = 300


@dataclass(frozen=True, slots=True)
class Table:
    """Rows `first` and following, as text. `next` is the position to go on after, None at the end."""

    columns: list[str]
    rows: list[list[str]]
    first: int
    next: int | None


def plain_rows(version: Version, after: int, limit: int = PAGE) -> Table:
    """Rows behind the position `after` (from 1); only the row groups that hold them are read."""
    found: list[dict[str, Any]] = []
    seen = 0
    for shard in version.shards():
        if seen + shard.rows <= after:
            seen += shard.rows
            continue
        for batch in store().batches([shard], rows=GROUP_ROWS):
            if seen + batch.num_rows > after and len(found) <= limit:
                found += batch.slice(max(0, after - seen), limit + 1 - len(found)).to_pylist()
            seen += batch.num_rows
            if len(found) > limit:
                break
        if len(found) > limit:
            break
    columns = list(found[0]) if found else []
    rows = [[_cell(row[name]) for name in columns] for row in found[:limit]]
    return Table(columns, rows, after + 1, after + limit if len(found) > limit else None)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    return text if len(text) <= CELL else f"{text[:CELL]}…"
