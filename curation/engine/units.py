"""
Units of match: which texts of a record are compared with a benchmark, and with which texts of its items.

The field's default is the user turns, each on its own (Tülu 3, arXiv 2411.15124 §3.2).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.records import SCHEMA

PASSAGE_CHARS = (
    "passage_chars"  # in `meta`: how much of the first user turn is a passage that the question is about
)
OF_TURNS = ("messages.list.element.role", "messages.list.element.content")
COLUMNS = ["messages", "completions", "chosen", "rejected", "ground_truth"]
ITEM_COLUMNS = ["messages", "completions", "chosen", "ground_truth", "meta"]
WHOLE_RECORD = -1  # in place of a turn


class Unit(StrEnum):
    """What of a record is looked at."""

    USER = "user"
    JOINED = "joined"
    SYSTEM = "system"
    ASSISTANT = "assistant"
    CHOSEN = "chosen"
    REJECTED = "rejected"
    GROUND_TRUTH = "ground truth"

    @property
    def columns(self) -> list[str]:
        """What it is read from."""
        return list(OF_TURNS) if self in TURNS or self is Unit.JOINED else COLUMNS[1:]


TURNS = (Unit.USER, Unit.SYSTEM, Unit.ASSISTANT)  # each text is one message


class ItemPart(StrEnum):
    """
    What of a benchmark item is looked for: all its user turns, as the plain rule has it, or its parts, each scored by
    itself, so that none needs another.
    """

    WHOLE = "whole"
    PROMPT = "prompt"
    ANSWER = "answer"
    PASSAGE = "passage"


@dataclass(frozen=True, slots=True)
class Texts:
    """
    Texts of a batch. `row[i]` says which record `text[i]` is of and `turn[i]` which of its messages it is, or
    WHOLE_RECORD.
    """

    row: np.ndarray  # int64
    turn: np.ndarray  # int64
    text: pa.Array  # string

    def __len__(self) -> int:
        return len(self.text)


def texts(batch: pa.RecordBatch, unit: Unit = Unit.USER) -> Texts:
    """The texts of a unit, in the order of the rows; what a record does not have is left out."""
    if unit in TURNS:
        return turns(batch.column("messages"), unit)
    if unit is Unit.JOINED:
        said = joined(batch.column("messages"))
        return _by_record(said, pc.not_equal(said, ""))
    if unit is Unit.GROUND_TRUTH:
        return _by_record(batch.column("ground_truth"), batch.column("ground_truth").is_valid())
    said = _completed(batch.column("completions"), batch.column(unit.value))
    return _by_record(said, said.is_valid())


def _by_record(said: pa.Array, has: pa.Array) -> Texts:
    row = np.flatnonzero(has.to_numpy(zero_copy_only=False)).astype(np.int64)
    return Texts(row, np.full(len(row), WHOLE_RECORD, np.int64), said.take(pa.array(row)))


def turns(messages: pa.ListArray, role: str = Unit.USER) -> Texts:
    """The turns of a role in a `messages` column, in order; turns without content are left out."""
    said = messages.flatten()
    keep = pc.and_(pc.equal(said.field("role"), str(role)), pc.is_valid(said.field("content")))
    at = np.flatnonzero(keep.to_numpy(zero_copy_only=False))
    offsets = messages.offsets.to_numpy()
    offsets = offsets - offsets[0]
    row = np.searchsorted(offsets, at, side="right") - 1
    content = said.field("content")
    text = content if len(at) == len(content) else content.take(pa.array(at))
    return Texts(row.astype(np.int64), (at - offsets[row]).astype(np.int64), text)


def joined(messages: pa.ListArray, role: str = Unit.USER) -> pa.Array:
    """The turns of a role of each record as one text, a line break between them; empty where there is none."""
    found = turns(messages, role)
    counts = np.bincount(found.row, minlength=len(messages))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), found.text), "\n")


def _completed(completions: pa.ListArray, which: pa.Array) -> pa.Array:
    """The assistant turns of the completion that `which` points at, as one text; null where it points at none."""
    counts = pc.list_value_length(completions).to_numpy(zero_copy_only=False)
    place = pc.fill_null(which, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    starts = np.cumsum(counts) - counts
    inside = (place >= 0) & (place < counts)
    said = joined(completions.flatten().field("messages"), Unit.ASSISTANT)
    return said.take(pa.array(starts + place, pa.int64(), mask=~inside))


def item_parts(batch: pa.RecordBatch) -> dict[str, pa.Array]:
    """
    What of each item is looked for. The prompt is its user turns without the passage, the answer what it is checked
    against, else the answer that was chosen, else the first one, else what its assistant turns say; null where an item
    has no such part.
    """
    asked = joined(batch.column("messages"))
    length = pc.map_lookup(batch.column("meta"), pa.scalar(PASSAGE_CHARS), "first").cast(pa.int64())
    first = pc.fill_null(batch.column("chosen"), 0)
    said = joined(batch.column("messages"), Unit.ASSISTANT)
    answer = pc.coalesce(
        batch.column("ground_truth"),
        _completed(batch.column("completions"), first),
        pc.if_else(pc.equal(said, ""), None, said),
    )
    if length.null_count == len(length):
        return {
            ItemPart.WHOLE: asked,
            ItemPart.PROMPT: asked,
            ItemPart.ANSWER: answer,
            ItemPart.PASSAGE: pa.nulls(len(asked), pa.string()),
        }
    cut = [(text or "", upto) for text, upto in zip(asked.to_pylist(), length.to_pylist(), strict=True)]
    prompt = [text[upto or 0 :].removeprefix("\n") or text for text, upto in cut]
    passage = [text[:upto] if upto else None for text, upto in cut]
    return {
        ItemPart.WHOLE: asked,
        ItemPart.PROMPT: pa.array(prompt, pa.string()),
        ItemPart.ANSWER: answer,
        ItemPart.PASSAGE: pa.array(passage, pa.string()),
    }


def text_of(record: Mapping[str, Any], unit: Unit, turn: int) -> str:
    """The text that `texts` has of a record, by its turn."""
    found = texts(_alone(record, COLUMNS), unit)
    return str(found.text[found.turn.tolist().index(turn)].as_py())


def part_of(record: Mapping[str, Any], part: str) -> str:
    """The text that `item_parts` has of an item."""
    return str(item_parts(_alone(record, ITEM_COLUMNS))[part][0].as_py() or "")


def _alone(record: Mapping[str, Any], columns: list[str]) -> pa.RecordBatch:
    schema = pa.schema([SCHEMA.field(name) for name in columns])
    return pa.RecordBatch.from_pylist([{name: record.get(name) for name in columns}], schema)
