"""
What a scan found in the shape of decon's reports (`ContaminationResult` in allenai/decon), for tools that read those.

Only what can be said truly is said. Lines and rows are counted from 0, as decon counts them. What decon counts in
tokens of its own is left out; `training_spans` are characters of the turn that was compared. Texts are left out on
both sides, since what they share is benchmark text.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from decontam.engine.evidence import MATCHES

COLUMNS = ["seq", "record_id", "row_fingerprint", "turn", "benchmark", "item_id", "item_fingerprint", "part"]
COLUMNS += ["score", "found_by", "train_spans", "suppressed"]
LOOKED_AT = pa.schema([MATCHES.field(name) for name in COLUMNS])
ROWS = pa.schema([("record_id", pa.string()), ("place", pa.int64()), ("origin", pa.string())])
AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Item:
    """Where a benchmark item stands, and what its own file says of it."""

    place: int
    meta: Mapping[str, str]


def places(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Rows of `ROWS` out of batches with the columns id and meta."""
    first = 0
    for batch in batches:
        place = pa.array(range(first, first := first + batch.num_rows), pa.int64())
        origin = pc.map_lookup(batch.column("meta"), pa.scalar("origin"), "first")
        yield pa.RecordBatch.from_arrays([batch.column("id"), place, origin], schema=ROWS)


def items(batches: Iterable[pa.RecordBatch]) -> dict[str, Item]:
    """By id, out of batches with the columns id and meta."""
    rows = (row for batch in batches for row in batch.select(["id", "meta"]).to_pylist())
    return {row["id"]: Item(place, dict(row["meta"] or ())) for place, row in enumerate(rows)}


def report(
    matches: Iterable[pa.RecordBatch],
    rows: Iterable[pa.RecordBatch],
    known: Mapping[str, Mapping[str, Item]],
    training: str,
) -> Iterator[dict[str, Any]]:
    """
    One line per match (batches of `LOOKED_AT`), in their order; `rows` are batches of `ROWS` of the version `training`
    and `known` the items by benchmark and id. Memory is flat: DuckDB joins on disk where it must.
    """
    with tempfile.TemporaryDirectory() as spill:
        limits = {"threads": 1, "memory_limit": "1GB", "temp_directory": spill}
        with duckdb.connect(config=limits) as database:
            for name, schema, batches in (("found", LOOKED_AT, matches), ("stands", ROWS, rows)):
                database.register(name, pa.RecordBatchReader.from_batches(schema, batches))
            query = "SELECT * FROM found LEFT JOIN stands USING (record_id) ORDER BY seq"
            for batch in database.execute(query).to_arrow_reader(AT_ONCE):
                for match in batch.to_pylist():
                    yield _line(match, known[match["benchmark"]][match["item_id"]], training)


def _line(match: Mapping[str, Any], item: Item, training: str) -> dict[str, Any]:
    file, line = _stands(match["origin"], training, match["place"])
    return {
        "training_file": file,
        "training_line": line,
        "eval_dataset": match["benchmark"],
        "eval_line": _stands(item.meta.get("origin"), "", item.place)[1],
        **_of_item(match["benchmark"], item.meta),
        "method": "+".join(match["found_by"]),
        "contamination_score": match["score"],
        "match": match["seq"],
        "record_id": match["record_id"],
        "turn": match["turn"],
        "training_spans": [[span["start"], span["end"]] for span in match["train_spans"]],
        "item_id": match["item_id"],
        "part": match["part"],
        "suppressed": match["suppressed"] or None,
    }


def _stands(origin: str | None, otherwise: str, place: int | None) -> tuple[str, int]:
    """File and line, from 0; for rows that come from no file, the version and the place in it."""
    file, _, line = (origin or "").rpartition("#")
    return (file, int(line) - 1) if file and line.isdecimal() else (otherwise, place or 0)


def _of_item(benchmark: str, meta: Mapping[str, str]) -> dict[str, Any]:
    """What the item's own file says of it, under the names that decon has for it."""
    index, correct = meta.get("eval_instance_index", ""), meta.get("is_correct", "")
    return {
        "eval_key": meta.get("eval_key", benchmark),
        "config": meta.get("config"),
        "split": meta.get("split"),
        "eval_instance_index": int(index) if index.isdecimal() else None,
        "fingerprint": meta.get("fingerprint"),
        "is_correct": {"true": True, "false": False}.get(correct),
    }
