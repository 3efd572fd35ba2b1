"""What each method of a scan is good for: what it found, and what nothing else found."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from decontam.engine.evidence import MATCHES
from decontam.engine.report import METHODS

COLUMNS = ["record_id", "benchmark", "item_id", "found_by"]
LOOKED_AT = pa.schema([*(MATCHES.field(name) for name in COLUMNS), pa.field("suppressed", pa.bool_())])


@dataclass(frozen=True, slots=True)
class Credit:
    """
    Matches that a method found and that count, in how many training records and items, and those of them that it found
    alone; beside them the matches that are suppressed.
    """

    method: str
    matches: int
    rows: int
    items: int
    alone: int
    suppressed: int


def credit(matches: Iterable[pa.RecordBatch]) -> list[Credit]:
    """Batches of `LOOKED_AT` by method, the most literal first; a method that found nothing is absent."""
    with tempfile.TemporaryDirectory() as spill:
        limits = {"threads": 1, "memory_limit": "1GB", "temp_directory": spill}
        with duckdb.connect(config=limits) as database:
            database.register("found", pa.RecordBatchReader.from_batches(LOOKED_AT, matches))
            query = """
                SELECT method, count(*) FILTER (counts), count(DISTINCT record_id) FILTER (counts),
                    count(DISTINCT (benchmark, item_id)) FILTER (counts), count(*) FILTER (counts AND alone),
                    count(*) FILTER (suppressed)
                FROM (
                    SELECT *, NOT suppressed AS counts, unnest(found_by) AS method, len(found_by) = 1 AS alone
                    FROM found
                ) GROUP BY method"""
            found = [Credit(*row) for row in database.execute(query).fetchall()]
    return sorted(found, key=lambda one: METHODS.index(one.method))
