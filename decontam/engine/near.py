"""
Whole items that were edited or re-ordered, or that stand in a short frame: what n-grams of eight words cannot see.

    index = NearIndex.build({"GSM8K-test": prompts}, NearConfig())
    matches = index.scan(training_prompts)

Two texts are compared by their sets of shingles of two words: sentences in another order and a word replaced leave
most of these alone. Candidates are exact, not estimated: a row that shares enough of an item's shingles shares one of
its rarest, so only those are looked up (the prefix filter of Chaudhuri et al., ICDE 2006, with the tables of `grams`).
An item inside a long document is the n-gram method's to find.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from curation.engine.errors import BadConfig, BadInput
from curation.engine.text.jit import U64, ZERO, Array, inlined, kernel
from curation.engine.text.minhash import (
    LEFT,
    Scratch,
    Table,
    scratch_for,
    table_for,
    table_shift,
    table_slot,
    take_shingles,
)
from curation.engine.text.ngrams import MULTIPLIER
from curation.engine.text.words import code_points
from decontam.engine.grams import ANY_LENGTH, Grams, Tuning, tabulate
from decontam.engine.index import MATCHES, Texts
from decontam.engine.proposing import find, proposals_for
from decontam.engine.shared import shared_spans
from decontam.engine.texts import as_chunks, buffers

POSSIBLE = -1.0
LENGTHS = (
    1,
    24,
    48,
    96,
    192,
    768,
    ANY_LENGTH,
)  # of items, in words: short ones are not looked for in long rows
SLACK = 0.05  # an item that repeats its shingles has fewer of them than its words tell


@dataclass(frozen=True, slots=True)
class NearConfig:
    """
    A row matches an item when the Jaccard similarity of their shingles is at least `threshold`, or when the row has at
    most `frame` words more than the item and at least `containment` of the item's shingles.

    Items of fewer than `min_words` words are not looked for, nor those of more than `max_words`: of a long item edits
    leave most 5-grams alone, wherever its sentences stand, so `normalised` finds it. The defaults were measured on 19
    public benchmarks: 99.6 % of the items of 8 to 15 words with one word replaced are found, and all with their
    sentences in another order; 6 of GSM8K's 7,473 training prompts match an item, sister problems.
    """

    shingle: int = 2
    threshold: float = 0.55
    containment: float = 0.75
    frame: int = 12
    min_words: int = 6
    max_words: int = 64

    def __post_init__(self) -> None:
        for name, lowest, highest in (
            ("shingle", 1, 20),
            ("frame", 0, 1000),
            ("min_words", 1, 1000),
            ("max_words", 1, 100_000),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
                raise BadConfig(f"{name} must be a whole number from {lowest} to {highest}, not {value!r}")
        for name in ("threshold", "containment"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0.3 <= value <= 1:
                raise BadConfig(f"{name} must be a number from 0.3 to 1, not {value!r}")
        if self.min_words < self.shingle:
            raise BadConfig("min_words must be at least the words of a shingle")

    @property
    def bounds(self) -> tuple[float, float, int, int]:
        """What the kernels are told."""
        return float(self.threshold), float(self.containment), self.frame, self.min_words


@dataclass(frozen=True, slots=True, eq=False)
class NearIndex:
    """
    The items of some benchmarks; never changes, so any number of threads may share it.

    `items` gives each benchmark's number of items; `unchecked` the positions of those that are too short or too long.
    """

    name: ClassVar[str] = "near"

    config: NearConfig
    items: dict[str, int]
    unchecked: dict[str, list[int]]
    _texts: pa.Array
    _classes: tuple[tuple[Grams, Array], ...]  # tables of items of about one length, and the numbers of these
    _shingles: Array  # uint64: each item's, distinct
    _shingles_at: Array  # int64[items + 1]
    _words: Array  # int64: each item's
    _first: Array  # int64: each benchmark's first item number

    @classmethod
    def build(cls, benchmarks: Mapping[str, Texts], config: NearConfig | None = None) -> "NearIndex":
        """Index `{benchmark: texts}`: lists of str or pyarrow arrays of text; None counts as an empty text."""
        if not isinstance(benchmarks, Mapping) or not benchmarks:
            raise BadInput("There is no benchmark to index.")
        config = config or NearConfig()
        chunks = {name: as_chunks(texts) for name, texts in benchmarks.items()}
        sizes = {name: sum(map(len, parts)) for name, parts in chunks.items()}
        if empty := [name for name, size in sizes.items() if not size]:
            raise BadInput(f"Benchmark {empty[0]} has no items.")
        texts = pa.chunked_array(
            [p for parts in chunks.values() for p in parts], pa.large_string()
        ).combine_chunks()
        data, at = buffers(texts)
        reach = max(min(config.threshold, config.containment) - SLACK, 0.0)
        shingles, shingles_at, counts = _distinct(data, at, config.shingle)
        classes = []
        for least, most in pairwise(LENGTHS):
            fits = (counts >= max(least, config.min_words)) & (counts <= min(most - 1, config.max_words))
            numbers = np.flatnonzero(fits)
            if len(numbers):
                some = buffers(texts.take(pa.array(numbers)))
                longest = _longest_row(int(counts[numbers].max()), config)
                classes.append((tabulate(*some, config.shingle, reach, Tuning(), longest), numbers))
        firsts = np.concatenate(([0], np.cumsum(list(sizes.values()))))
        left_out = (counts < config.min_words) | (counts > config.max_words)
        unchecked = [np.flatnonzero(part).tolist() for part in np.split(left_out, firsts[1:-1])]
        return cls(
            config=config,
            items=sizes,
            unchecked=dict(zip(sizes, unchecked, strict=True)),
            _texts=texts,
            _classes=tuple(classes),
            _shingles=shingles,
            _shingles_at=shingles_at,
            _words=counts,
            _first=firsts,
        )

    def scan(self, texts: Texts) -> Any:
        """
        All matches of `texts` as a pyarrow Table of schema `MATCHES`, method "near", ordered by row, then item.

        `score` is the share of the item's shingles for a row in whose frame the item stands, else the Jaccard
        similarity. Spans are the runs of words that are covered by shingles which both texts have.
        """
        found, first = [], 0
        for chunk in as_chunks(texts):
            rows, items, scores = self._chunk(*buffers(chunk))
            found.append(self._table(chunk, rows, items, scores, first))
            first += len(chunk)
        return pa.concat_tables([MATCHES.empty_table(), *found])

    def _chunk(self, data: Array, at: Array) -> tuple[Array, Array, Array]:
        """Rows, item numbers and scores of the matches of one chunk, in order."""
        longest = int(np.diff(at).max(initial=0))
        scratch, found = scratch_for(longest), []
        for grams, numbers in self._classes:
            proposals, table, row = proposals_for(grams, longest), table_for(grams.longest), 0
            while row < len(at) - 1:
                row, pairs = find(data, at, row, 0, code_points(), grams, proposals)
                rows, items, scores = (
                    proposals.rows[:pairs],
                    numbers[proposals.items[:pairs]],
                    np.zeros(pairs),
                )
                compare(
                    data, at, rows, items, code_points(), np.uint64(MULTIPLIER), self.config.shingle,
                    self._shingles, self._shingles_at, self._words,
                    self.config.bounds, scratch, table, scores,
                )  # fmt: skip
                hit = np.flatnonzero(scores > 0)
                found.append((rows[hit], items[hit], scores[hit]))
        rows, items, scores = _joined(found)
        order = np.lexsort((items, rows))
        return rows[order], items[order], scores[order]

    def _table(self, chunk: pa.Array, rows: Array, items: Array, scores: Array, first: int) -> Any:
        spans = [
            shared_spans(chunk[int(row)].as_py(), self._texts[int(item)].as_py(), self.config.shingle)
            for row, item in zip(rows, items, strict=True)
        ]
        benchmark = np.searchsorted(self._first, items, side="right") - 1
        columns = [
            rows + first,
            pa.array(list(self.items), pa.string()).take(pa.array(benchmark)),
            items - self._first[benchmark],
            pa.array(["near"] * len(rows), pa.string()),
            scores,
            *(pa.array([pair[side] for pair in spans], MATCHES.field("train_spans").type) for side in (0, 1)),
        ]
        fields = zip(columns, MATCHES, strict=True)
        return pa.Table.from_arrays(
            [pa.array(column).cast(field.type) for column, field in fields], schema=MATCHES
        )


def _joined(found: list[tuple[Array, Array, Array]]) -> tuple[Array, Array, Array]:
    nothing = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    rows, items, scores = (np.concatenate(parts) for parts in zip(nothing, *found, strict=True))
    return rows, items, scores


def _longest_row(words: int, config: NearConfig) -> int:
    """Words of the longest row that an item of so many can match."""
    return int(max(words / config.threshold, words + config.frame)) + 1


def _distinct(data: Array, at: Array, size: int) -> tuple[Array, Array, Array]:
    """
    The distinct shingles of each text, those first that the fewest texts have, where each text's begin, and how many
    words each text has.
    """
    scratch, sets = scratch_for(int(np.diff(at).max(initial=0))), []
    words = np.zeros(len(at) - 1, np.int64)
    for k in range(len(words)):
        count = shingles_of(data, at, k, code_points(), np.uint64(MULTIPLIER), size, scratch)
        sets.append(np.unique(scratch.grams[:count]))
        words[k] = (
            count + size - 1 if count else 0
        )  # too many for less than one shingle, which nobody looks for
    every, at = np.concatenate(sets), np.concatenate(([0], np.cumsum([len(one) for one in sets])))
    _, number, items = np.unique(every, return_inverse=True, return_counts=True)
    rarest = np.lexsort((items[number], np.repeat(np.arange(len(sets)), np.diff(at))))
    return every[rarest], at, words


@kernel
def shingles_of(data: Any, at: Any, k: int, letters: Any, multiplier: U64, size: int, s: Scratch) -> int:
    return take_shingles(data, at[k], at[k + 1], letters, multiplier, size, s)


@kernel
def compare(
    data: Any, at: Any, rows: Any, items: Any, letters: Any, multiplier: U64, size: int,
    shingles: Any, shingles_at: Any, words: Any, bounds: Any, s: Scratch, table: Table, scores: Any,
) -> None:  # fmt: skip
    """Write the score of each proposed pair that matches; the pairs come by row, which is taken apart once."""
    first = ZERO
    while first < len(rows):
        row, last = rows[first], first
        while last < len(rows) and rows[last] == row:
            last += 1
        count = take_shingles(data, at[row], at[row + 1], letters, multiplier, size, s)
        if _possible(items, first, last, count, size, shingles_at, words, bounds, scores):
            shift = table_shift(count)
            distinct = _enter(table, shift, count, s)
            for pair in range(first, last):
                if scores[pair] == POSSIBLE:
                    begin, end, own = (
                        shingles_at[items[pair]],
                        shingles_at[items[pair] + 1],
                        words[items[pair]],
                    )
                    shared = _shared(table, shift, shingles, begin, end, bounds)
                    scores[pair] = _score(shared, distinct, end - begin, count + size - 1, own, bounds)
            for slot in range(np.int64(1) << (64 - shift)):
                table.sides[slot] = 0
        first = last


@inlined
def _possible(
    items: Any,
    first: int,
    last: int,
    count: int,
    size: int,
    shingles_at: Any,
    words: Any,
    bounds: Any,
    scores: Any,
) -> Any:
    """Mark the pairs that may match for all that the sizes of the texts tell; returns their number."""
    threshold, containment, frame, min_words = bounds
    row_words, possible = count + size - 1, ZERO
    for pair in range(first, last):
        own, item_words = shingles_at[items[pair] + 1] - shingles_at[items[pair]], words[items[pair]]
        short = row_words <= item_words + frame or row_words * threshold <= item_words
        if short and item_words >= min_words and count >= min(threshold, containment) * own:
            scores[pair] = POSSIBLE
            possible += 1
    return possible


@inlined
def _enter(table: Table, shift: int, count: int, s: Scratch) -> Any:
    """Put the row's shingles into the table; returns how many different ones there are."""
    distinct = ZERO
    for k in range(count):
        slot = table_slot(table, s.grams[k], shift)
        distinct += table.sides[slot] == 0
        table.keys[slot], table.sides[slot] = s.grams[k], LEFT
    return distinct


@inlined
def _shared(table: Table, shift: int, shingles: Any, begin: int, end: int, bounds: Any) -> Any:
    """How many of the item's shingles the row has; fewer once they cannot be enough, which the rarest tell first."""
    shared, missed = ZERO, ZERO
    most = (1 - min(bounds[0], bounds[1])) * (end - begin)
    for k in range(begin, end):
        if table.sides[table_slot(table, shingles[k], shift)] != 0:
            shared += 1
        else:
            missed += 1
            if missed > most:
                return shared
    return shared


@inlined
def _score(shared: int, distinct: int, own: int, row_words: int, item_words: int, bounds: Any) -> Any:
    """0.0 for no match."""
    threshold, containment, frame, _ = bounds
    if row_words <= item_words + frame and shared >= containment * own:
        return float(shared / own)
    similarity = float(shared / (distinct + own - shared))
    return similarity if similarity >= threshold and row_words * threshold <= item_words else 0.0
