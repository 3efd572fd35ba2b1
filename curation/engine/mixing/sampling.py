"""
Which rows a component contributes: bottom-k sampling over hashes of their ids.

Every row has a 64-bit key, a hash of (seed, dataset, id); the k rows with the smallest keys are the sample.
That is a uniform sample without replacement, it is the same for every order and batching of the rows, the
sample of k rows contains the sample of k - 1, and when a dataset grows only new rows push old ones out (Cohen
& Kaplan, "Summarizing data using bottom-k sketches", PODC 2007). Two datasets are sampled independently of
each other.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.errors import BadInput
from curation.engine.records import SCHEMA, record_id

Keys = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]
ID_LENGTH = 32
PRUNE_AT = 1 << 18
_NIBBLE = np.full(256, 255, np.uint8)
_NIBBLE[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)


@dataclass(frozen=True, slots=True)
class Cut:
    """
    How often each row of a component occurs: `base` copies of every row, and one more of rows whose key is
    below `threshold` (16 hex digits), or equal to it and the last half of whose id is in `ties` (16 hex
    digits each; rows of equal key have equal first halves). Small and JSON-ready (`Cut(**json)` gives an
    equal cut), so that the parts of a run can apply it to their shards.
    """

    seed: int
    dataset: str
    base: int
    threshold: str | None = None
    ties: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "ties", tuple(self.ties))

    def copies(self, ids: pa.Array) -> Counts:
        """How often each of these rows occurs, int64, in the order of `ids`."""
        counts = np.full(len(ids), self.base, np.int64)
        if self.threshold is not None:
            first, last = id_halves(ids)
            keys, edge = hashed(_salt(self.seed, self.dataset), first), np.uint64(int(self.threshold, 16))
            ties = np.array([int(tie, 16) for tie in self.ties], np.uint64)
            counts += (keys < edge) | ((keys == edge) & np.isin(last, ties))
        return counts


def id_halves(ids: pa.Array) -> tuple[Keys, Keys]:
    """
    The first and the last 16 hex digits of record ids, each as an uint64 array: their order is the order of
    the ids. Raises BadInput for anything that is not a record id.
    """
    if isinstance(ids, pa.ChunkedArray):
        ids = ids.combine_chunks()
    if not len(ids):
        return np.empty(0, np.uint64), np.empty(0, np.uint64)
    ids = ids.cast(pa.string())
    if ids.null_count or not pc.all(pc.equal(pc.binary_length(ids), ID_LENGTH)).as_py():
        raise BadInput(f"Record ids must be {ID_LENGTH} hex digits; {_odd(ids)!r} is not")
    start = int(np.frombuffer(ids.buffers()[1], np.int32, 1, ids.offset * 4)[0])
    digits = np.frombuffer(ids.buffers()[2], np.uint8, len(ids) * ID_LENGTH, start).reshape(-1, ID_LENGTH)
    nibbles = _NIBBLE[digits]
    if (nibbles == 255).any():
        raise BadInput(f"Record ids must be {ID_LENGTH} hex digits; {_odd(ids)!r} is not")
    halves = ((nibbles[:, 0::2] << 4) | nibbles[:, 1::2]).view(">u8").astype(np.uint64)
    return halves[:, 0], halves[:, 1]


def hashed(salt: str, first: Keys) -> Keys:
    """
    A 64-bit hash of (salt, first half of an id): two rounds of the finaliser of SplitMix64 (Steele, Lea &
    Flood, OOPSLA 2014). For one salt it is a bijection, so two rows tie only when the first halves of their
    ids agree.
    """
    word = np.uint64(int.from_bytes(hashlib.sha256(salt.encode()).digest()[:8]))
    return _mixed(_mixed(first ^ word) + word)


def sample_keys(seed: int, dataset: str, ids: pa.Array) -> Keys:
    """
    The keys by which rows of `dataset` are sampled, uint64. The version is left out of the hash, so that a
    newer version gives mostly the same sample; `dataset` may be written with it.
    """
    return hashed(_salt(seed, dataset), id_halves(ids)[0])


def cut(ids: Iterable[pa.Array], *, rows: int, available: int, seed: int, dataset: str) -> Cut:
    """
    The cut that gives exactly `rows` rows of the `available` ones whose ids come in any order and batching:
    rows = base · available + r, every row base times and the r rows with the smallest keys once more; a tie
    is broken by id. Holds 16 bytes for each of at most 2·r + 262,144 rows, and reads nothing when r is 0.
    Raises BadInput when there are not `available` ids.
    """
    sampler = RowSampler(seed, dataset, rows, available)
    if sampler.rest:
        for batch in ids:
            sampler.add(batch)
    return sampler.cut()


class RowSampler:
    """Finds the `Cut` of a number of rows, batch by batch."""

    def __init__(self, seed: int, dataset: str, rows: int, available: int) -> None:
        self._seed, self._dataset, self._available = seed, dataset, available
        self.base, self.rest = divmod(rows, available) if available else (0, 0)
        self._bottom, self._seen = _Bottom(self.rest), 0

    def add(self, ids: pa.Array, tokens: Counts | None = None) -> None:
        self._seen += len(ids)
        if self.rest:
            first, last = id_halves(ids)
            self._bottom.add(hashed(_salt(self._seed, self._dataset), first), last)

    def cut(self) -> Cut:
        if not self.rest:
            return Cut(self._seed, self._dataset, self.base)
        if self._seen != self._available:
            raise BadInput(
                f"{self._dataset} should have {self._available:,} rows, but {self._seen:,} ids were read"
            )
        edge, ties = self._bottom.edge()
        return Cut(self._seed, self._dataset, self.base, f"{edge:016x}", tuple(f"{tie:016x}" for tie in ties))


class TokenSampler:
    """
    Finds the `Cut` of a number of tokens: tokens = base · available + r, every row base times, and of the rows in the
    order of their keys as many as have r tokens or fewer together. So it stays below what was asked for by less than
    one row. Holds 24 bytes for each of at most twice the chosen rows, and of 262,144 more.
    """

    def __init__(self, seed: int, dataset: str, tokens: int, available: int) -> None:
        self._seed, self._dataset = seed, dataset
        self.base, self._rest = divmod(tokens, available) if available else (0, 0)
        self._limit, self._count, self._prune_at = np.uint64(2**64 - 1), 0, PRUNE_AT
        self._keys: list[Keys] = []
        self._lasts: list[Keys] = []
        self._tokens: list[Counts] = []

    def add(self, ids: pa.Array, tokens: Counts) -> None:
        first, last = id_halves(ids)
        keys = hashed(_salt(self._seed, self._dataset), first)
        near = keys <= self._limit
        self._keys.append(keys[near])
        self._lasts.append(last[near])
        self._tokens.append(tokens[near])
        self._count += int(near.sum())
        if self._count > self._prune_at:
            self._prune()

    def _prune(self) -> int:
        """
        Put all that is held in order, and keep the rows that fit and the first that does not: none behind it ever
        will. How many fit.
        """
        keys, lasts = np.concatenate(self._keys), np.concatenate(self._lasts)
        tokens = np.concatenate(self._tokens)
        order = np.lexsort((lasts, keys))
        fit = int(np.searchsorted(np.cumsum(tokens[order]), self._rest, side="right"))
        if fit < len(order):
            self._limit = keys[order[fit]]
        kept = order[: fit + 1]
        self._keys, self._lasts, self._tokens = [keys[kept]], [lasts[kept]], [tokens[kept]]
        self._count, self._prune_at = len(kept), 2 * len(kept) + PRUNE_AT
        return fit

    def cut(self) -> Cut:
        fit = self._prune() if self._rest and self._keys else 0
        if not fit:
            return Cut(self._seed, self._dataset, self.base)
        keys, lasts = self._keys[0][:fit], self._lasts[0][:fit]
        ties = lasts[keys == keys[-1]].tolist()
        return Cut(
            self._seed,
            self._dataset,
            self.base,
            f"{int(keys[-1]):016x}",
            tuple(f"{tie:016x}" for tie in ties),
        )


def chosen_ids(ids: pa.Array, copies: Counts) -> pa.Array:
    """
    The ids of the rows that `expand` makes of these: each id `copies` times in a row, where the n-th copy (n
    ≥ 2) has the id of row "id#n" of the source "copy".
    """
    rows, nth = repeated(copies)
    return _named(ids.take(pa.array(rows)), nth)


def _named(ids: pa.Array, nth: Counts) -> pa.Array:
    if not nth.any():
        return ids
    names = zip(ids.to_pylist(), nth.tolist(), strict=True)
    return pa.array([record_id("copy", f"{own}#{n + 1}") if n else own for own, n in names], pa.string())


def expand(batch: pa.RecordBatch, copies: Counts) -> pa.RecordBatch:
    """
    The chosen rows of a batch of `SCHEMA`, each `copies` times in a row. The first copy is the row itself;
    further ones have ids of their own (`chosen_ids`) and the row as their only parent.
    """
    return batch if (copies == 1).all() else some_copies(batch, *repeated(copies))


def some_copies(batch: pa.RecordBatch, rows: Counts, nth: Counts) -> pa.RecordBatch:
    """Of the rows that `expand` makes those that `repeated` numbers so."""
    taken = batch.take(pa.array(rows))
    if not nth.any():
        return taken
    columns = dict(zip(SCHEMA.names, taken.columns, strict=True))
    again = np.flatnonzero(nth)
    one_each = pa.ListArray.from_arrays(
        pa.array(np.arange(len(again) + 1, dtype=np.int32)), columns["id"].take(pa.array(again))
    )
    place = np.arange(len(rows))
    place[again] = len(rows) + np.arange(len(again))
    columns["parents"] = pa.concat_arrays([columns["parents"], one_each.cast(columns["parents"].type)]).take(
        pa.array(place)
    )
    columns["id"] = _named(columns["id"], nth)
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=SCHEMA)


def _mixed(words: Keys) -> Keys:
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


class _Bottom:
    """
    The k smallest keys of a stream with the last halves of their ids; rows beyond the k-th so far are let go.
    """

    def __init__(self, k: int) -> None:
        self._k, self._limit = k, np.uint64(2**64 - 1)
        self._keys: list[Keys] = []
        self._lasts: list[Keys] = []
        self._held = 0

    def add(self, keys: Keys, lasts: Keys) -> None:
        near = keys <= self._limit
        self._keys.append(keys[near])
        self._lasts.append(lasts[near])
        self._held += int(near.sum())
        if self._held > 2 * self._k + PRUNE_AT:
            self._prune()

    def _prune(self) -> tuple[Keys, Keys]:
        keys, lasts = np.concatenate(self._keys), np.concatenate(self._lasts)
        self._limit = np.partition(keys, self._k - 1)[self._k - 1]
        near = keys <= self._limit
        self._keys, self._lasts, self._held = [keys[near]], [lasts[near]], int(near.sum())
        return self._keys[0], self._lasts[0]

    def edge(self) -> tuple[int, list[int]]:
        """
        The k-th smallest key, and the last halves of the ids at that key which belong to the k smallest.
        """
        keys, lasts = self._prune()
        wanted = self._k - int((keys < self._limit).sum())
        return int(self._limit), np.sort(lasts[keys == self._limit])[:wanted].tolist()


def repeated(copies: Counts) -> tuple[Counts, Counts]:
    """For each output row, the row it comes from and which copy of it it is, from 0."""
    rows = np.repeat(np.arange(len(copies), dtype=np.int64), copies)
    starts = np.cumsum(copies) - copies
    return rows, np.arange(len(rows), dtype=np.int64) - np.repeat(starts, copies)


def _salt(seed: int, dataset: str) -> str:
    return f"sample\0{seed}\0{dataset.partition('@')[0]}"


def _odd(ids: pa.Array) -> str | None:
    """The first value that is not a record id, cut to a readable length."""
    wrong = pc.invert(pc.fill_null(pc.match_substring_regex(ids, f"^[0-9a-f]{{{ID_LENGTH}}}$"), False))
    value = ids.filter(wrong)[0].as_py()
    return value if value is None else str(value)[:40]
