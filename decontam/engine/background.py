"""
How ordinary the words and phrases of benchmark items are in the source at hand.

A sample of the source says in how many of its rows a word stands, and which phrases of items stand in rows that do not
hold the item: those belong to the source's own language. Everything is counted by hash over normalised text.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.text.folding import fold, folded_size
from curation.engine.text.jit import U64, ZERO, Array, kernel
from curation.engine.text.ngrams import MULTIPLIER, SPREAD, hash_words, next_gram, power
from curation.engine.text.words import code_points
from decontam.engine.texts import buffers

LARGEST_SAMPLE = 10_000
TABLE = pa.schema([("kind", pa.string()), ("hash", pa.uint64()), ("rows", pa.int64())])
_MULTIPLIER = np.uint64(MULTIPLIER)


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """How many texts have each hash of `keys`, which ascend."""

    keys: Array = field(default_factory=lambda: np.zeros(0, np.uint64))
    rows: Array = field(default_factory=lambda: np.zeros(0, np.int64))

    def of(self, hashes: Array) -> Array:
        """Of each hash; 0 for those that none has."""
        if not len(self.keys):
            return np.zeros(len(hashes), np.int64)
        at = np.minimum(np.searchsorted(self.keys, hashes), len(self.keys) - 1)
        return np.where(self.keys[at] == hashes, self.rows[at], 0)

    def only(self, hashes: Array) -> "Counts":
        """Of the hashes that are among some others, which ascend."""
        kept = Counts(hashes, np.ones(len(hashes), np.int64)).of(self.keys) > 0
        return Counts(self.keys[kept], self.rows[kept])

    @property
    def shared(self) -> "Counts":
        """Without those that only one text has."""
        return Counts(self.keys[self.rows > 1], self.rows[self.rows > 1])

    def __add__(self, other: "Counts") -> "Counts":
        keys, of = np.unique(np.concatenate([self.keys, other.keys]), return_inverse=True)
        rows = np.zeros(len(keys), np.int64)
        np.add.at(rows, of, np.concatenate([self.rows, other.rows]))
        return Counts(keys, rows)


@dataclass(frozen=True, slots=True)
class Hashed:
    """Texts as hashes: text k has words[at[k]:at[k + 1]] and as many n-grams, 0 where none begins."""

    words: Array  # uint32
    grams: Array  # uint64
    at: Array  # int64[texts + 1]

    @classmethod
    def of(cls, texts: Any, n: int) -> Self:
        """A `large_string` array without nulls, lower-cased and split into words."""
        data, at = buffers(texts)
        room = int(at[-1] - at[0]) // 2 + len(at)
        words, grams, ends = np.empty(room, np.uint32), np.zeros(room, np.uint64), np.zeros(len(at), np.int64)
        folded = np.empty(folded_size(int(np.diff(at).max(initial=0))), np.uint8)
        hash_all(data, at, n, code_points(), _MULTIPLIER, folded, words, grams, ends)
        return cls(words[: ends[-1]].copy(), grams[: ends[-1]].copy(), ends)

    def __len__(self) -> int:
        return len(self.at) - 1

    def words_of(self, text: int) -> Array:
        return self.words[self.at[text] : self.at[text + 1]]

    def grams_of(self, text: int) -> Array:
        return self.grams[self.at[text] : self.at[text + 1]]

    def texts_with(self, hashes: Array, among: Array | None = None) -> "Counts":
        """In how many texts each of `words` or `grams` stands; `among`, ascending, are the only ones asked for."""
        wanted, shift = _sieve(among)
        seen = _table(int(np.diff(self.at).max(initial=0)))
        texts, found = np.zeros(len(seen), np.int64), np.empty(len(hashes), hashes.dtype)
        found = found[: each_once(hashes, self.at, wanted, shift, seen, texts, found)]
        found.sort()
        first = np.flatnonzero(np.append(True, found[1:] != found[:-1])[: len(found)])
        counts = Counts(found[first].astype(np.uint64), np.diff(first, append=len(found)))
        return counts if among is None else counts.only(among)


def _table(entries: int) -> Array:
    """Room for that many hashes, at most half full."""
    return np.zeros(1 << (2 * entries).bit_length(), np.uint64)


def _sieve(among: Array | None) -> tuple[Array, U64]:
    """A bit for each hash that is wanted, by its high bits: 6 % of the others pass; all do where all are wanted."""
    if among is None:
        return np.full(1, np.uint64(2**64 - 1)), np.uint64(63)
    bits = min(max(6, (16 * len(among)).bit_length()), 32)
    sieve, shift = np.zeros(1 << bits - 6, np.uint64), np.uint64(64 - bits)
    let_through(among.astype(np.uint64), sieve, shift)
    return sieve, shift


@kernel
def let_through(hashes: Any, sieve: Any, shift: U64) -> None:
    """Set the bit of each hash."""
    for k in range(len(hashes)):
        place = hashes[k] * SPREAD >> shift
        sieve[place >> np.uint64(6)] |= np.uint64(1) << (place & np.uint64(63))


@kernel
def each_once(hashes: Any, at: Any, sieve: Any, shift: U64, seen: Any, texts: Any, found: Any) -> int:
    """
    Write the hashes that the sieve lets through, once for each text that has them, without 0; returns their number.
    `seen` is an open table of hashes, each valid for the text of the same place in `texts`, counted from 1.
    """
    written, last = ZERO, np.uint64(len(seen) - 1)
    for text in range(1, len(at)):
        for k in range(at[text - 1], at[text]):
            key = np.uint64(hashes[k])
            mixed = key * SPREAD
            place = mixed >> shift
            if key == 0 or not sieve[place >> np.uint64(6)] >> (place & np.uint64(63)) & np.uint64(1):
                continue
            slot = mixed >> np.uint64(20) & last
            while texts[slot] == text and seen[slot] != key:
                slot = slot + np.uint64(1) & last
            if texts[slot] != text:
                texts[slot], seen[slot], found[written] = text, key, hashes[k]
                written += 1
    return int(written)


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """The items of a benchmark as hashes; how many items have each word, and each phrase that more than one has."""

    hashed: Hashed
    words: Counts
    phrases: Counts

    @classmethod
    def of(cls, texts: Any, n: int) -> Self:
        """Of a `large_string` array without nulls."""
        hashed = Hashed.of(texts, n)
        return cls(hashed, hashed.texts_with(hashed.words), hashed.texts_with(hashed.grams).shared)

    def __len__(self) -> int:
        return len(self.hashed)


@kernel
def hash_all(
    data: Any, at: Any, n: int, table: Any, multiplier: Any, folded: Any, words: Any, grams: Any, ends: Any
) -> None:
    """Fill `words` and `grams`, text behind text."""
    leaving_power = power(n)
    for text in range(len(at) - 1):
        begin, gram = ends[text], np.uint64(0)
        length = fold(data, at[text], at[text + 1], table, folded, ZERO)
        count = hash_words(folded, ZERO, length, multiplier, words, begin)
        for k in range(count):
            gram = next_gram(gram, words, begin, k, n, leaving_power)
            if k >= n - 1:
                grams[begin + k - n + 1] = gram
        ends[text + 1] = begin + count


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """`words` and `phrases` say in how many of `rows` texts something stands that benchmark items have too."""

    rows: int = 0
    words: Counts = field(default_factory=Counts)
    phrases: Counts = field(default_factory=Counts)

    def __add__(self, other: "Background") -> "Background":
        """What two sources have together. Of benchmarks that one was not asked about it knows nothing."""
        return Background(self.rows + other.rows, self.words + other.words, self.phrases + other.phrases)

    def table(self) -> pa.Table:
        """As a table of schema `TABLE`, and out of it again by `read`."""
        kinds = {"rows": Counts(np.zeros(1, np.uint64), np.array([self.rows])), "word": self.words}
        kinds["phrase"] = self.phrases
        parts = [
            pa.table([pa.repeat(kind, len(of.keys)), pa.array(of.keys), pa.array(of.rows)], schema=TABLE)
            for kind, of in kinds.items()
        ]
        return pa.concat_tables(parts).combine_chunks()

    @classmethod
    def read(cls, batches: Iterable[pa.RecordBatch]) -> Self:
        table = pa.Table.from_batches(batches, TABLE)

        def counts(kind: str) -> Counts:
            some = table.filter(pc.equal(table.column("kind"), kind))
            return Counts(some.column("hash").to_numpy(), some.column("rows").to_numpy())

        return cls(int(counts("rows").rows.sum()), counts("word"), counts("phrase"))
