"""Fourth stage: the true similarity of each pair, from the texts themselves."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from decontam.engine.dedupe.config import DedupeConfig
from decontam.engine.dedupe.pairing import PAIRS
from decontam.engine.dedupe.spill import MEMORY, Spill
from decontam.engine.signatures import similarities

TEXTS = pa.schema([("rank", pa.int64()), ("text", pa.large_string())])
EDGES = pa.schema([("lead", pa.int64()), ("member", pa.int64()), ("similarity", pa.float64())])
TOGETHER = 16 << 20  # bytes of text that are compared in one go, about
SHORT = 400  # bytes up to which operators tell two texts apart
_OPERATORS = re.compile(r"[-+*/=<>^%&|~\u00b1\u00d7\u00f7\u2190-\u22ff]")


def needed_texts(texts: pa.Array, first: int, needed: pa.Table) -> pa.RecordBatch:
    """Those of some texts, the first at position `first`, that `needed` (see `Pairs.needed`, in order) names."""
    position, rank = (needed.column(name).to_numpy() for name in ("position", "rank"))
    some = slice(*np.searchsorted(position, (first, first + len(texts))))
    chosen = texts.cast(pa.large_string()).take(pa.array(position[some] - first))
    return pa.RecordBatch.from_arrays([pa.array(rank[some]), chosen], schema=TEXTS)


def verify(
    pairs: Iterable[pa.RecordBatch],
    texts: Iterable[pa.RecordBatch],
    config: DedupeConfig,
    memory: str = MEMORY,
) -> Iterator[pa.RecordBatch]:
    """The pairs that are duplicates, as `EDGES`; `texts` may hold more than these pairs need."""
    with Spill(memory) as spill:
        spill.load("pairs", PAIRS, pairs, "FROM given")
        ranks = "SELECT lead AS rank FROM pairs UNION SELECT member FROM pairs"
        spill.load("texts", TEXTS, texts, f"FROM given SEMI JOIN ({ranks}) USING (rank)")
        largest = spill.value("SELECT max(strlen(text)) FROM texts") or 1
        query = """
            SELECT lead, member, one.text AS left_text, other.text AS right_text
            FROM pairs JOIN texts one ON lead = one.rank JOIN texts other ON member = other.rank"""
        rows = max(1, min(2048, TOGETHER // int(largest)))
        for batch in spill.batches(query, _JOINED, rows=rows):
            yield _alike(batch, config)


_JOINED = pa.schema([*PAIRS, ("left_text", pa.large_string()), ("right_text", pa.large_string())])


def _alike(pairs: pa.RecordBatch, config: DedupeConfig) -> pa.RecordBatch:
    left, right = pairs.column("left_text"), pairs.column("right_text")
    similarity = similarities(left, right, config.shingle)
    alike = similarity >= config.threshold
    for k in np.flatnonzero(alike):
        alike[k] = same_sum(left[k], right[k])
    columns = [pairs.column("lead"), pairs.column("member"), pa.array(similarity)]
    return pa.RecordBatch.from_arrays(columns, schema=EDGES).filter(pa.array(alike))


def same_sum(left: Any, right: Any) -> bool:
    """
    False for two short texts with different operators: "2 + 3" and "2 - 3" have the same words, and are not the same.
    """
    short = min(len(left.as_buffer()), len(right.as_buffer())) <= SHORT
    return not short or _OPERATORS.findall(left.as_py()) == _OPERATORS.findall(right.as_py())
