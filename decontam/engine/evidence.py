"""
What a scan found, as a table that people can rule on: one row per (training text, benchmark item).

A cause is the longest run of an item's tokens that a training text shares; rows of equal cause were found for the
same reason and can be ruled together. Nothing here is removed: a row that is not to count carries the reason.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.text.words import words
from curation.engine.units import Texts

SPANS = pa.list_(pa.struct([pa.field("start", pa.int64()), pa.field("end", pa.int64())]))
MATCHES = pa.schema(
    [
        pa.field("seq", pa.int64()),
        pa.field("record_id", pa.string()),
        pa.field("row_fingerprint", pa.string()),
        pa.field("turn", pa.int64()),
        pa.field("benchmark", pa.string()),
        pa.field("item_id", pa.string()),
        pa.field("item_fingerprint", pa.string()),
        pa.field("method", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("train_spans", SPANS),
        pa.field("item_spans", SPANS),
        pa.field("cause", pa.string()),
        pa.field("phrase", pa.string()),
        pa.field("suppressed", pa.string()),
    ]
)
PHRASE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Items:
    """The items of one benchmark version, by position: what identifies them and the text that is looked for."""

    ids: pa.Array
    fingerprints: pa.Array
    texts: pa.Array

    def __len__(self) -> int:
        return len(self.ids)


def evidence(found: pa.Table, texts: Texts, records: pa.RecordBatch, items: Mapping[str, Items]) -> pa.Table:
    """
    The result of `BenchmarkIndex.scan(texts.text)` with the names of its rows and items, as `MATCHES`.

    `records` has the columns id and fingerprint of the rows that `texts` were taken from. `seq` and `suppressed`
    are null: numbers are given once all of a run's evidence is sorted.
    """
    position = found.column("row").to_numpy()
    row = pa.array(texts.row[position])
    named = [_item_columns(found, name, items[name]) for name in items]
    order = np.argsort(np.concatenate([at for at, _ in named])) if named else np.empty(0, np.int64)
    by_item = pa.concat_tables([table for _, table in named]).take(pa.array(order))
    columns = {
        "seq": pa.nulls(len(found), pa.int64()),
        "record_id": records.column("id").take(row),
        "row_fingerprint": records.column("fingerprint").take(row),
        "turn": pa.array(texts.turn[position]),
        "suppressed": pa.nulls(len(found), pa.string()),
        **{
            name: found.column(name) for name in ("benchmark", "method", "score", "train_spans", "item_spans")
        },
        **{name: by_item.column(name) for name in by_item.column_names},
    }
    return pa.table({field.name: columns[field.name] for field in MATCHES}).cast(MATCHES)


def _item_columns(found: pa.Table, benchmark: str, items: Items) -> tuple[np.ndarray, pa.Table]:
    at = np.flatnonzero(pc.equal(found.column("benchmark"), benchmark).to_numpy(zero_copy_only=False))
    own = found.take(pa.array(at))
    position = own.column("item").combine_chunks()
    texts = items.texts.take(position).to_pylist()
    shared = [
        _longest(text, spans) for text, spans in zip(texts, own.column("item_spans").to_pylist(), strict=True)
    ]
    columns = {
        "item_id": items.ids.take(position),
        "item_fingerprint": items.fingerprints.take(position),
        "cause": pa.array([hashlib.sha256(text.encode()).hexdigest()[:16] for text in shared], pa.string()),
        "phrase": pa.array([text[:PHRASE_LENGTH] for text in shared], pa.string()),
    }
    return at, pa.table(columns)


def _longest(text: str, spans: Sequence[Mapping[str, int]]) -> str:
    """The words of the longest shared run of an item."""
    longest = max(spans, key=lambda span: span["end"] - span["start"])
    return " ".join(words(text[longest["start"] : longest["end"]]))


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one benchmark: matches, distinct items hit, distinct training records that hit one."""

    matches: int = 0
    items_hit: int = 0
    rows_hit: int = 0


class SortedEvidence:
    """
    All evidence of a run by benchmark, then by the causes that explain most, then the most doubtful first, and
    numbered from 1. DuckDB sorts it, on disk where memory does not suffice.
    """

    ORDER = "benchmark, size DESC, cause, score, record_id, turn, item_id"

    def __init__(self, unsorted: Iterable[pa.RecordBatch]) -> None:
        self._database = duckdb.connect(config={"threads": 1})
        reader = pa.RecordBatchReader.from_batches(MATCHES, unsorted)
        self._database.register("unsorted", reader)
        self._database.execute("CREATE TEMP TABLE found AS SELECT * EXCLUDE (seq) FROM unsorted")

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        columns = ", ".join(field.name for field in MATCHES if field.name != "seq")
        sized = "SELECT *, count(*) OVER (PARTITION BY benchmark, cause) AS size FROM found"
        query = (
            f"SELECT row_number() OVER (ORDER BY {self.ORDER}) AS seq, {columns} FROM ({sized}) ORDER BY seq"
        )
        for batch in self._database.execute(query).to_arrow_reader(rows):
            yield batch.cast(MATCHES)

    def counts(self) -> dict[str, Counts]:
        """By benchmark; one that was not hit is absent."""
        query = "SELECT benchmark, count(*), count(DISTINCT item_id), count(DISTINCT record_id) FROM found GROUP BY 1"
        return {name: Counts(*numbers) for name, *numbers in self._database.execute(query).fetchall()}

    def rows_hit(self) -> int:
        """Distinct training records with a match in any benchmark."""
        (number,) = self._database.execute("SELECT count(DISTINCT record_id) FROM found").fetchall()[0]
        return int(number)

    def close(self) -> None:
        self._database.close()
