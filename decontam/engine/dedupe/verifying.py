"""Fourth stage: the true similarity of each pair, from the texts themselves."""

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from curation.engine.text.jit import Array
from decontam.engine.dedupe.config import DedupeConfig
from decontam.engine.dedupe.pairing import PAIRS
from decontam.engine.signatures import similarities
from decontam.engine.texts import buffers

TEXTS = pa.schema([("rank", pa.int64()), ("text", pa.large_string())])
EDGES = pa.schema([("lead", pa.int64()), ("member", pa.int64()), ("similarity", pa.float64())])
TOGETHER = 16 << 20  # bytes of text that are compared in one go, unless one pair has more
SHORT = 400  # bytes up to which operators tell two texts apart
_OPERATORS = re.compile(r"[-+*/=<>^%&|~\u00b1\u00d7\u00f7\u2190-\u22ff]")


def needed_texts(texts: pa.Array, first: int, needed: pa.Table) -> pa.RecordBatch:
    """Those of some texts, the first at position `first`, that `needed` (see `Pairs.needed`, in order) names."""
    position, rank = (needed.column(name).to_numpy() for name in ("position", "rank"))
    some = slice(*np.searchsorted(position, (first, first + len(texts))))
    chosen = texts.cast(pa.large_string()).take(pa.array(position[some] - first))
    return pa.RecordBatch.from_arrays([pa.array(rank[some]), chosen], schema=TEXTS)


def verify(
    pairs: Iterable[pa.RecordBatch], texts: Iterable[pa.RecordBatch], config: DedupeConfig
) -> Iterator[pa.RecordBatch]:
    """
    The pairs that are duplicates, as `EDGES`; `texts` may hold more than these pairs need.

    The texts wait in a file, since a few of them may be larger than any memory limit; 40 bytes a pair do not.
    """
    table = pa.Table.from_batches(pairs, PAIRS)
    lead, member = (table.column(name).to_numpy() for name in PAIRS.names)
    with tempfile.TemporaryFile() as file:
        waiting = _Waiting(file, np.unique(np.concatenate([lead, member])), texts)
        start = 0
        while start < len(lead):
            some = slice(start, start + waiting.fitting(lead[start:], member[start:]))
            yield _alike(lead[some], member[some], waiting, config)
            start = some.stop


class _Waiting:
    """Texts by rank, in a file."""

    def __init__(self, file: Any, ranks: Array, texts: Iterable[pa.RecordBatch]) -> None:
        self._file, self._ranks = file, ranks
        self._start, self._size = np.zeros(len(ranks), np.int64), np.zeros(len(ranks), np.int64)
        for batch in texts:
            self._add(batch)
        file.flush()

    def _add(self, batch: pa.RecordBatch) -> None:
        wanted = np.isin(batch.column("rank").to_numpy(), self._ranks, assume_unique=True)
        batch = batch.filter(pa.array(wanted))
        place = np.searchsorted(self._ranks, batch.column("rank").to_numpy())
        data, at = buffers(batch.column("text"))
        self._start[place] = self._file.tell() + at[:-1] - at[0]
        self._size[place] = np.diff(at)
        self._file.write(data[at[0] : at[-1]].data)

    def fitting(self, lead: Array, member: Array) -> int:
        """How many of the first pairs are compared together; one at least."""
        places = [np.searchsorted(self._ranks, side[:10_000]) for side in (lead, member)]
        sizes = np.cumsum(self._size[places[0]] + self._size[places[1]])
        return max(1, int(np.searchsorted(sizes, TOGETHER)))

    def texts(self, ranks: Array) -> pa.Array:
        places, number = np.searchsorted(self._ranks, ranks), self._file.fileno()
        where = zip(self._size[places].tolist(), self._start[places].tolist(), strict=True)
        read = [os.pread(number, size, start) for size, start in where]
        return pa.array(read, pa.large_binary()).view(pa.large_string())


def _alike(lead: Array, member: Array, waiting: _Waiting, config: DedupeConfig) -> pa.RecordBatch:
    left, right = waiting.texts(lead), waiting.texts(member)
    similarity = similarities(left, right, config.shingle)
    alike = similarity >= config.threshold
    for k in np.flatnonzero(alike):
        alike[k] = same_sum(left[int(k)], right[int(k)])
    columns = [pa.array(column) for column in (lead, member, similarity)]
    return pa.RecordBatch.from_arrays(columns, schema=EDGES).filter(pa.array(alike))


def same_sum(left: Any, right: Any) -> bool:
    """
    False for two short texts with different operators: "2 + 3" and "2 - 3" have the same words, and are not the same.
    """
    both = [side.as_buffer() for side in (left, right)]
    if min(side.size for side in both) > SHORT:
        return True
    one, other = (side.to_pybytes().decode("utf-8", "replace") for side in both)
    return _OPERATORS.findall(one) == _OPERATORS.findall(other)
