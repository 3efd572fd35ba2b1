"""
What is known of every row by looking at it once: typed columns about a version, aligned with it shard by shard.

`ATTRIBUTES` are the columns that every version has; keys of `labels` and `meta` that occur often enough join them
(see `notes`). Empty text is null. `tokens` is a quarter of the UTF-8 bytes of all that is said, thought and called,
rounded up: about right for English, until somebody chooses a tokenizer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.exploring.notes import Note, cut, filled, values_of
from curation.engine.exploring.types import Type

PREVIEW = 200
BYTES_PER_TOKEN = 4

ATTRIBUTES = pa.schema(
    [
        pa.field(name, kind.arrow)
        for name, kind in {
            "row": Type.INTEGER,
            "id": Type.TEXT,
            "source": Type.TEXT,
            "turns": Type.INTEGER,
            "user_turns": Type.INTEGER,
            "last_role": Type.TEXT,
            "prompt_chars": Type.INTEGER,
            "response_chars": Type.INTEGER,
            "thinking_chars": Type.INTEGER,
            "chars": Type.INTEGER,
            "tokens": Type.INTEGER,
            "completions": Type.INTEGER,
            "images": Type.INTEGER,
            "has_system": Type.BOOLEAN,
            "has_tools": Type.BOOLEAN,
            "has_thinking": Type.BOOLEAN,
            "ground_truth": Type.BOOLEAN,
            "verifier": Type.TEXT,
            "licence": Type.TEXT,
            "preview": Type.TEXT,
        }.items()
    ]
)


def schema_with(notes: Sequence[Note]) -> pa.Schema:
    """The columns of a version whose rows have these notes."""
    return pa.schema([*ATTRIBUTES, *(pa.field(note.column, note.type.arrow) for note in notes)])


def attributes(batch: pa.RecordBatch, first: int, notes: Sequence[Note] = ()) -> pa.RecordBatch:
    """The attributes of a batch of records whose first row is at position `first` of the version."""
    columns = {
        "row": pa.array(np.arange(first, first + batch.num_rows)),
        "id": batch.column("id"),
        "source": batch.column("source"),
        **_of_what_is_said(conversation(batch), answers(batch), batch),
        "completions": pc.list_value_length(batch.column("completions")),
        "images": pc.list_value_length(batch.column("images")),
        "ground_truth": pc.is_valid(batch.column("ground_truth")),
        "verifier": cut(batch.column("verifier")),
        "licence": cut(batch.column("licence")),
        **{note.column: values_of(batch, note) for note in notes},
    }
    schema = schema_with(notes)
    return pa.RecordBatch.from_arrays([_as(columns[f.name], f.type) for f in schema], schema=schema)


def _of_what_is_said(asked: "Turns", answered: "Turns", batch: pa.RecordBatch) -> dict[str, Any]:
    user = asked.of("user")
    prompting = asked.of("user", "system", "developer")
    both = (asked, answered)
    chars = asked.chars("content")
    answer_chars = answered.per_row(answered.chars("content"))
    thinking = sum(turns.per_row(turns.chars("thinking")) for turns in both)
    said = sum(turns.per_row(turns.bytes()) for turns in both)
    calls = sum(turns.per_row(turns.of("tool") | turns.has("tool_calls")) for turns in both)
    return {
        "turns": np.diff(asked.bounds),
        "user_turns": asked.per_row(user),
        "last_role": _last(asked),
        "prompt_chars": asked.per_row(chars * prompting),
        "response_chars": asked.per_row(chars * asked.of("assistant")) + answer_chars,
        "thinking_chars": thinking,
        "chars": asked.per_row(chars) + answer_chars,
        "tokens": -(-said // BYTES_PER_TOKEN),
        "has_system": asked.per_row(asked.of("system", "developer")) > 0,
        "has_tools": (calls > 0) | filled(batch.column("tools")),
        "has_thinking": thinking > 0,
        "preview": _preview(asked, user),
    }


def _as(values: Any, kind: pa.DataType) -> pa.Array:
    return pa.array(values, kind) if isinstance(values, np.ndarray) else values.cast(kind)


@dataclass(frozen=True, slots=True)
class Turns:
    """Turns of many rows end to end: those of row i are `bounds[i]` to `bounds[i + 1]`."""

    bounds: np.ndarray  # int64, one more than there are rows
    flat: pa.StructArray

    def field(self, name: str) -> pa.Array:
        return self.flat.field(name)

    def per_row(self, values: np.ndarray) -> np.ndarray:
        """For each row the sum of what its turns have."""
        running = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
        return np.diff(running[self.bounds])

    def rows(self, at: np.ndarray) -> np.ndarray:
        """Which rows the turns at these places belong to."""
        return np.searchsorted(self.bounds, at, side="right") - 1

    def of(self, *roles: str) -> np.ndarray:
        return _numpy(pc.is_in(self.field("role"), value_set=pa.array(roles, pa.string())))

    def has(self, name: str) -> np.ndarray:
        return filled(self.field(name))

    def chars(self, name: str) -> np.ndarray:
        return _numpy(pc.fill_null(pc.utf8_length(self.field(name)), 0)).astype(np.int64)

    def bytes(self) -> np.ndarray:
        """All that a trainer would read of each turn."""
        lengths = [pc.binary_length(self.field(name)) for name in ("content", "thinking", "tool_calls")]
        return sum(_numpy(pc.fill_null(each, 0)).astype(np.int64) for each in lengths)  # type: ignore[return-value]


def conversation(batch: pa.RecordBatch) -> Turns:
    """The turns of the `messages` of each row."""
    messages = batch.column("messages")
    return Turns(_bounds(messages), messages.flatten())


def answers(batch: pa.RecordBatch) -> Turns:
    """The turns of all completions of each row."""
    completions = batch.column("completions")
    messages = completions.flatten().field("messages")
    return Turns(_bounds(messages)[_bounds(completions)], messages.flatten())


def _bounds(lists: pa.ListArray) -> np.ndarray:
    offsets = lists.offsets.to_numpy().astype(np.int64)
    return offsets - offsets[0]  # type: ignore[no-any-return]


def _numpy(values: pa.Array) -> np.ndarray:
    return values.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def _last(turns: Turns) -> pa.Array:
    starts, ends = turns.bounds[:-1], turns.bounds[1:]
    return turns.field("role").take(pa.array(ends - 1, mask=starts == ends))


def _preview(turns: Turns, user: np.ndarray) -> pa.Array:
    """The beginning of the first user turn that says something, on one line."""
    at = np.flatnonzero(user & turns.has("content"))
    rows, first = np.unique(turns.rows(at), return_index=True)
    chosen = np.full(len(turns.bounds) - 1, -1)
    chosen[rows] = at[first]
    text = turns.field("content").take(pa.array(chosen, mask=chosen < 0))
    begun = pc.utf8_slice_codeunits(pc.utf8_ltrim_whitespace(text), 0, PREVIEW)
    return pc.utf8_trim(pc.binary_join(pc.utf8_split_whitespace(begun), " "), " ")
