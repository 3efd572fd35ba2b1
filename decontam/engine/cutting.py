"""
Cut what a row shares with a benchmark out of its turn, and keep the rest of the row.

A row that was cut has another fingerprint, and its `meta` says what was cut. What is left was seen by no scan: words
that stand side by side now did not before.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from curation.engine.records import Record, from_batch, to_batch

CUTS = pa.list_(pa.struct([(name, pa.int64()) for name in ("turn", "start", "end")]))
NOTE = "cut"


def cut_rows(
    batch: pa.RecordBatch, positions: np.ndarray, told: list[Mapping[str, Any]]
) -> tuple[pa.RecordBatch, list[int]]:
    """
    The batch with the rows at `positions` cut as `told` (`reason` and `cuts` of each), in its order, and which of
    `told` left a turn without a letter or a digit: these rows are not in it.
    """
    if not len(positions):
        return batch, []
    cut = [
        cut_record(record, row["reason"], row["cuts"])
        for record, row in zip(from_batch(batch.take(pa.array(positions))), told, strict=True)
    ]
    emptied = [k for k, record in enumerate(cut) if record is None]
    stay = np.ones(batch.num_rows, bool)
    stay[positions] = False
    made = to_batch([record for record in cut if record])
    places = np.concatenate([np.flatnonzero(stay), np.delete(positions, emptied)])
    both = pa.Table.from_batches([batch.filter(pa.array(stay)), made]).combine_chunks()
    ordered = both.take(pa.array(np.argsort(places, kind="stable"))).combine_chunks()
    return next(iter(ordered.to_batches()), batch.slice(0, 0)), emptied


def cut_record(record: Record, reason: str, cuts: Iterable[Mapping[str, int]]) -> Record | None:
    """The record without some spans of characters of its turns; None when a turn has nothing left."""
    turns = list(record.content.messages)
    spans: dict[int, list[tuple[int, int]]] = {}
    for one in cuts:
        spans.setdefault(one["turn"], []).append((one["start"], one["end"]))
    gone = 0
    for turn, of_turn in spans.items():
        before = turns[turn].content or ""
        after = without(before, of_turn)
        if not any(map(str.isalnum, after)):
            return None
        gone += len(before) - len(after)
        turns[turn] = replace(turns[turn], content=after)
    note = f"{reason}: {gone:,} characters cut"
    meta = {**record.content.meta, NOTE: note}
    return replace(record, content=replace(record.content, messages=tuple(turns), meta=meta))


def without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text without these spans, which may overlap, and without white space at its ends."""
    kept, at = [], 0
    for start, end in sorted(spans):
        kept.append(text[at : max(start, at)])
        at = max(at, end)
    return "".join([*kept, text[at:]]).strip()
