"""
Keys of `labels` and `meta` as typed columns.

All shards of a version must have one schema, so which keys become columns is settled before any is written: `seen`
says for one batch which keys there are and what their values look like, `chosen` decides for all of them.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.exploring.types import Type

MAPS = {"label": "labels", "meta": "meta"}
MOST = 12
SHARE = 0.01
LONGEST = 200  # characters of a text value that are kept
KEPT = 200  # keys that are counted per shard; the rest are too rare in it
ORIGIN = "meta.origin"
NAME = re.compile(r"[\w .:/+-]{1,60}")
LOOKS = {
    Type.BOOLEAN: r"^(true|false|True|False)$",
    Type.INTEGER: r"^-?(0|[1-9][0-9]{0,17})$",
    Type.NUMBER: r"^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,17})?([eE][-+]?[0-9]{1,2})?$",
}

Seen = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Note:
    """A key of `labels` or `meta` that becomes a column: `label.topic`, `meta.score`."""

    column: str
    type: Type

    @property
    def place(self) -> tuple[str, str]:
        """The map that it is in, and its key there."""
        prefix, _, key = self.column.partition(".")
        return MAPS[prefix], key


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The entries of a column of maps, end to end."""

    row: np.ndarray  # which row each is in
    key: pa.Array
    value: pa.Array


def seen(batches: Iterable[pa.RecordBatch]) -> Seen:
    """For each column that could be made, how many of its values look like which type. Empty values are not counted."""
    found: dict[str, Counter[str]] = {}
    for batch in batches:
        for prefix, name in MAPS.items():
            pairs = _pairs(batch.column(name))
            counted = pa.table({"key": pairs.key, "type": _looks(pairs.value)}).group_by(["key", "type"])
            for row in counted.aggregate([([], "count_all")]).to_pylist():
                if row["type"] is not None:
                    found.setdefault(f"{prefix}.{row['key']}", Counter())[row["type"]] += row["count_all"]
    often = sorted(found.items(), key=lambda one: (-one[1].total(), one[0]))[:KEPT]
    return {column: dict(sorted(counts.items())) for column, counts in often}


def chosen(found: Iterable[Mapping[str, Mapping[str, int]]], rows: int) -> list[Note]:
    """
    At most 12 keys that at least one row in a hundred has, labels first, then the most frequent.

    Of names that differ in case only, the more frequent one is taken: in a query they would be one.
    """
    counts: dict[str, Counter[str]] = {}
    for shard in found:
        for column, looks in shard.items():
            counts.setdefault(column, Counter()).update(looks)
    ranked = sorted(counts, key=lambda one: (one.startswith("meta."), -counts[one].total(), one))
    fit = [one for one in ranked if counts[one].total() >= SHARE * rows and one != ORIGIN]
    distinct: dict[str, str] = {}
    for column in fit:
        if NAME.fullmatch(column.partition(".")[2]):
            distinct.setdefault(column.casefold(), column)
    return [Note(column, _type(counts[column])) for column in list(distinct.values())[:MOST]]


def _type(looks: Mapping[str, int]) -> Type:
    """What all values are; whole numbers among others are numbers, any other mixture is text."""
    if len(looks) == 1:
        return Type(next(iter(looks)))
    return Type.NUMBER if set(looks) == {Type.INTEGER, Type.NUMBER} else Type.TEXT


def values_of(batch: pa.RecordBatch, note: Note) -> pa.Array:
    """The value that each row has for a note, in the note's type."""
    name, key = note.place
    pairs = _pairs(batch.column(name))
    at = np.flatnonzero(pc.equal(pairs.key, key).to_numpy(zero_copy_only=False))
    chosen = np.full(batch.num_rows, -1)
    chosen[pairs.row[at]] = at
    return cut(pairs.value.take(pa.array(chosen, mask=chosen < 0))).cast(note.type.arrow)


def filled(text: pa.Array) -> np.ndarray:
    """Where there is text, and some of it."""
    return pc.fill_null(pc.greater(pc.binary_length(text), 0), False).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def cut(text: pa.Array) -> pa.Array:
    """The beginning of each text; null where there is none."""
    return pc.if_else(pa.array(filled(text)), pc.utf8_slice_codeunits(text, 0, LONGEST), None)


def _pairs(maps: pa.MapArray) -> _Pairs:
    offsets = maps.offsets.to_numpy()
    first, size = offsets[0], offsets[-1] - offsets[0]
    row = np.repeat(np.arange(len(maps)), np.diff(offsets))
    return _Pairs(row, maps.keys.slice(first, size), maps.items.slice(first, size))


def _looks(values: pa.Array) -> pa.Array:
    """The narrowest type that each value could be; null where it is empty."""
    looks = pc.if_else(pa.array(filled(values)), pa.scalar(Type.TEXT.value), pa.scalar(None, pa.string()))
    for kind in (Type.NUMBER, Type.INTEGER, Type.BOOLEAN):
        matches = pc.fill_null(pc.match_substring_regex(values, LOOKS[kind]), False)
        looks = pc.if_else(matches, pa.scalar(kind.value), looks)
    return looks
