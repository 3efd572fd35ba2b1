"""
Benchmarks as an index that training prompts are scanned against, from a notebook or a worker.

    index = BenchmarkIndex.build({"GSM8K-test": prompts}, NgramConfig(n=8, threshold=0.5))
    matches = index.scan(training_prompts)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from curation.engine.errors import BadInput
from curation.engine.text.jit import Array
from decontam.engine.config import NgramConfig
from decontam.engine.grams import Grams, Tuning, tabulate
from decontam.engine.matching import Found, scan_chunks
from decontam.engine.texts import as_chunks, buffers

Texts: TypeAlias = Sequence[str | None] | Any  # list of str, or a pyarrow array of text

SPANS = pa.list_(pa.struct([("start", pa.int64()), ("end", pa.int64())]))
MATCHES = pa.schema(
    [
        ("row", pa.int64()),
        ("benchmark", pa.string()),
        ("item", pa.int64()),
        ("method", pa.string()),
        ("score", pa.float64()),
        ("train_spans", SPANS),
        ("item_spans", SPANS),
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class BenchmarkIndex:
    """
    The items of some benchmarks, ready for `scan`; never changes, so any number of threads may share it.

    `items` gives each benchmark's number of items, in the order they were given. `weakly_checked` are positions of
    items of 1 … n-1 words, which only an equal whole text can hit; `unchecked` those without any word.
    """

    config: NgramConfig
    items: dict[str, int]
    weakly_checked: dict[str, list[int]]
    unchecked: dict[str, list[int]]
    _grams: Grams
    _copies_at: Array  # int64[entries + 1]: equal texts are one entry; its copies are these of
    _copies: Array  # int64: item numbers, counted through all benchmarks
    _first: Array  # int64: each benchmark's first item number

    @classmethod
    def build(
        cls, benchmarks: Mapping[str, Texts], config: NgramConfig | None = None, _tuning: Tuning | None = None
    ) -> "BenchmarkIndex":
        """
        Index `{benchmark: texts}`: lists of str or pyarrow arrays of text; None counts as an empty text.

        Raises BadInput without benchmarks, for one without items, or for anything that is not text.
        """
        if not isinstance(benchmarks, Mapping) or not all(isinstance(name, str) for name in benchmarks):
            raise BadInput("Benchmarks must be a mapping of names to lists of texts")
        config = config or NgramConfig()
        chunks = {name: as_chunks(texts) for name, texts in benchmarks.items()}
        sizes = {name: sum(map(len, parts)) for name, parts in chunks.items()}
        _refuse_empty(sizes)
        texts = pa.chunked_array([part for parts in chunks.values() for part in parts], pa.large_string())
        entries = texts.combine_chunks().dictionary_encode()
        grams = tabulate(*buffers(entries.dictionary), config.n, config.threshold, _tuning or Tuning())
        entry_of = entries.indices.to_numpy()
        words = np.diff(grams.items.hashes_at)[entry_of]
        return cls(
            config=config,
            items=sizes,
            weakly_checked=_positions((words > 0) & (words < config.n), sizes),
            unchecked=_positions(words == 0, sizes),
            _grams=grams,
            _copies_at=np.concatenate(([0], np.cumsum(np.bincount(entry_of)))),
            _copies=np.argsort(entry_of, kind="stable"),
            _first=np.concatenate(([0], np.cumsum(list(sizes.values())))),
        )

    @property
    def nbytes(self) -> int:
        """Memory that the index holds, in bytes."""
        grams = self._grams
        arrays = (*grams, *grams.items, *grams.stems, self._copies_at, self._copies, self._first)
        return sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))

    def scan(self, texts: Texts) -> Any:
        """
        All matches of `texts` (like those of `build`) as a pyarrow Table of schema `MATCHES`.

        One row for each text and item of which more than the threshold is covered (method "ngram"), or which has
        fewer than n words and those are all the words of the text (method "exact", score 1.0). `row` and `item`
        are positions in what was given; `score` is covered words / words of the item. Spans are half-open
        character ranges, as Python slices strings: maximal runs of covered words, on the training side every
        occurrence. Ordered by row, benchmark as given, item. Working memory grows with the longest text only.
        """
        return self._table(scan_chunks(self._grams, as_chunks(texts)))

    def _table(self, found: Found) -> Any:
        """One row for each copy of the matched entries."""
        copies = self._copies_at[found.entries + 1] - self._copies_at[found.entries]
        match = np.repeat(np.arange(len(copies)), copies)
        within = np.arange(len(match)) - np.repeat(np.cumsum(copies) - copies, copies)
        number = self._copies[self._copies_at[found.entries][match] + within]
        order = np.lexsort((number, found.rows[match]))
        match, number = match[order], number[order]
        benchmark = np.searchsorted(self._first, number, side="right") - 1
        words_at = self._grams.items.hashes_at
        words = words_at[found.entries + 1] - words_at[found.entries]
        columns = [
            found.rows[match],
            pa.array(list(self.items), pa.string()).take(pa.array(benchmark)),
            number - self._first[benchmark],
            pa.array(["ngram", "exact"]).take(pa.array((words < self.config.n).astype(np.int8)[match])),
            (found.covered / words)[match],
            _spans(found.train_at, found.train).take(pa.array(match)),
            _spans(found.item_at, found.item).take(pa.array(match)),
        ]
        return pa.Table.from_arrays([pa.array(column) for column in columns], schema=MATCHES)


def _refuse_empty(sizes: dict[str, int]) -> None:
    if not sizes:
        raise BadInput("There is no benchmark to index.")
    for name, size in sizes.items():
        if not size:
            raise BadInput(f"Benchmark {name} has no items.")


def _positions(flags: Array, sizes: dict[str, int]) -> dict[str, list[int]]:
    """Where the flags are set, for each benchmark, counted from its first item."""
    parts = np.split(flags, np.cumsum(list(sizes.values()))[:-1])
    return {name: np.flatnonzero(part).tolist() for name, part in zip(sizes, parts, strict=True)}


def _spans(at: Array, ranges: Array) -> Any:
    fields = [pa.array(np.ascontiguousarray(ranges[:, side])) for side in (0, 1)]
    return pa.ListArray.from_arrays(pa.array(at), pa.StructArray.from_arrays(fields, names=["start", "end"]))
