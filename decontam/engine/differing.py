"""
What one scan found that another did not, and what both found otherwise.

Two matches are the same when they pair the same row text with the same item text in the same turn of the same
benchmark; a text that occurs twice in a dataset is one pair here.
"""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from decontam.engine.evidence import MATCHES

COLUMNS = ["seq", "benchmark", "row_fingerprint", "item_fingerprint", "turn", "method", "score", "suppressed"]
LOOKED_AT = pa.schema([MATCHES.field(name) for name in COLUMNS])
SAME_SCORE = 1e-9


class Change(StrEnum):
    """What became of a pair from the older scan to the newer."""

    GONE = "gone"
    NEW = "new"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Difference:
    """
    `counts` has the pairs of each change by benchmark and method (of the newer scan, where it is in both). `found` has
    all pairs but the same, with columns `change, benchmark, method, older, newer`: the numbers of their matches, null
    where there is none.
    """

    counts: dict[tuple[str, str], dict[str, int]]
    found: pa.Table

    def total(self, change: str) -> int:
        return sum(of.get(change, 0) for of in self.counts.values())

    def places(self, change: str, benchmark: str = "", method: str = "") -> np.ndarray:
        """Where in `found` the pairs of a change lie, in their order; of one benchmark and method if so asked."""
        kept = np.ones(len(self.found), bool)
        for name, asked in (("change", change), ("benchmark", benchmark), ("method", method)):
            if asked:
                kept &= _equal(self.found.column(name), asked)
        return np.flatnonzero(kept)


def _equal(column: pa.ChunkedArray, value: str) -> np.ndarray:
    encoded = column.combine_chunks()
    names = encoded.dictionary.to_pylist()
    code = names.index(value) if value in names else -1
    return np.asarray(encoded.indices.to_numpy(zero_copy_only=False) == code)


def difference(older: Iterable[pa.RecordBatch], newer: Iterable[pa.RecordBatch]) -> Difference:
    """Of two scans, each as batches of `COLUMNS`; on disk where memory does not suffice."""
    with tempfile.TemporaryDirectory() as spill:
        limits = {"threads": 1, "memory_limit": "1GB", "temp_directory": spill}
        with duckdb.connect(config=limits) as database:
            _load(database, "older", older)
            _load(database, "newer", newer)
            database.execute(
                f"""
                CREATE TEMP TABLE paired AS
                SELECT coalesce(newer.benchmark, older.benchmark) AS benchmark,
                    coalesce(newer.method, older.method) AS method, older.seq AS older, newer.seq AS newer,
                    CASE WHEN newer.seq IS NULL THEN '{Change.GONE}' WHEN older.seq IS NULL THEN '{Change.NEW}'
                        WHEN abs(older.score - newer.score) > {SAME_SCORE}
                            OR older.suppressed <> newer.suppressed THEN '{Change.CHANGED}'
                        ELSE '{Change.SAME}' END AS change
                FROM older FULL JOIN newer USING (benchmark, row_fingerprint, item_fingerprint, turn)"""
            )
            return Difference(_counts(database), _found(database))


def _load(database: Any, name: str, batches: Iterable[pa.RecordBatch]) -> None:
    """One row for each pair: the first match of it, its best score, and its reason if none of its matches counts."""
    database.register("given", pa.RecordBatchReader.from_batches(LOOKED_AT, batches))
    database.execute(
        f"""
        CREATE TEMP TABLE {name} AS
        SELECT benchmark, row_fingerprint, item_fingerprint, turn, min(seq) AS seq, arg_min(method, seq) AS method,
            max(score) AS score, min(coalesce(suppressed, '')) AS suppressed
        FROM given GROUP BY ALL"""
    )
    database.unregister("given")


def _counts(database: Any) -> dict[tuple[str, str], dict[str, int]]:
    query = "SELECT benchmark, method, change, count(*) FROM paired GROUP BY ALL ORDER BY 1, 2, 3"
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for benchmark, method, change, pairs in database.execute(query).fetchall():
        counts.setdefault((benchmark, method), {})[change] = pairs
    return counts


def _found(database: Any) -> pa.Table:
    names = ("change", "benchmark", "method")
    query = f"""
        SELECT change, benchmark, method, older, newer FROM paired WHERE change <> '{Change.SAME}'
        ORDER BY change, benchmark, coalesce(newer, older)"""
    table = database.execute(query).to_arrow_table()
    for name in names:
        encoded = table.column(name).combine_chunks().dictionary_encode()
        table = table.set_column(table.schema.get_field_index(name), name, encoded)
    return table
