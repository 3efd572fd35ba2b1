"""
Units of match: which texts of a record are compared with a benchmark.

The field's default is the user turns, each on its own (Tülu 3, arXiv 2411.15124 §3.2).
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class Unit(StrEnum):
    """What of a record is looked at."""

    USER = "user"
    SYSTEM = "system"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts of a batch. `row[i]` and `turn[i]` say which record and which of its messages `text[i]` is."""

    row: np.ndarray  # int64
    turn: np.ndarray  # int64
    text: pa.Array  # string

    def __len__(self) -> int:
        return len(self.text)


def texts(messages: pa.ListArray, unit: Unit = Unit.USER) -> Texts:
    """The turns of role `unit` in a `messages` column, in order; turns without content are left out."""
    turns = messages.flatten()
    keep = pc.and_(pc.equal(turns.field("role"), unit.value), pc.is_valid(turns.field("content")))
    at = np.flatnonzero(keep.to_numpy(zero_copy_only=False))
    offsets = messages.offsets.to_numpy()
    offsets = offsets - offsets[0]
    row = np.searchsorted(offsets, at, side="right") - 1
    content = turns.field("content")
    text = content if len(at) == len(content) else content.take(pa.array(at))
    return Texts(row.astype(np.int64), (at - offsets[row]).astype(np.int64), text)


def joined(messages: pa.ListArray, unit: Unit = Unit.USER) -> pa.Array:
    """The turns of role `unit` of each record as one text, a line break between them; empty where there is none."""
    found = texts(messages, unit)
    counts = np.bincount(found.row, minlength=len(messages))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), found.text), "\n")
