"""
The canonical record: the one shape that every app reads and writes.

`SCHEMA` is the contract of docs/data-format.md. A record is a conversation (`messages`) and, where there is
something to compare or to learn from, `completions` of it: `chosen` and `rejected` are positions in that list.
Values whose shape differs from row to row (tool calls, tools, constraints, structured ground truth) are JSON
strings, since as Parquet structs every row would get every key, null-filled.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import pyarrow as pa

ROLES = ("system", "developer", "user", "assistant", "tool")

MESSAGE = pa.struct(
    [
        pa.field("role", pa.string(), nullable=False),
        pa.field("content", pa.string()),
        pa.field("name", pa.string()),
        pa.field("tool_calls", pa.string()),
        pa.field("thinking", pa.string()),
    ]
)
COMPLETION = pa.struct(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("messages", pa.list_(MESSAGE), nullable=False),
        pa.field("model", pa.string()),
        pa.field("scores", pa.map_(pa.string(), pa.float64())),
    ]
)
STRINGS = pa.map_(pa.string(), pa.string())
SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("fingerprint", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("parents", pa.list_(pa.string()), nullable=False),
        pa.field("messages", pa.list_(MESSAGE), nullable=False),
        pa.field("completions", pa.list_(COMPLETION), nullable=False),
        pa.field("chosen", pa.int32()),
        pa.field("rejected", pa.int32()),
        pa.field("ground_truth", pa.string()),
        pa.field("verifier", pa.string()),
        pa.field("constraints", pa.string()),
        pa.field("tools", pa.string()),
        pa.field("images", pa.list_(pa.string()), nullable=False),
        pa.field("labels", STRINGS, nullable=False),
        pa.field("licence", pa.string()),
        pa.field("meta", STRINGS, nullable=False),
    ]
)

REMOVED = pa.schema(
    [pa.field("record_id", pa.string()), pa.field("reason", pa.string()), pa.field("evidence", pa.string())]
)  # what every run that drops rows says of them


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. `content` is None only beside `tool_calls` (a JSON list of OpenAI-style calls)."""

    role: str
    content: str | None
    name: str | None = None
    tool_calls: str | None = None
    thinking: str | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer to the conversation; `key` names it within its record ("a", "chosen", a model's name)."""

    key: str
    messages: tuple[Message, ...]
    model: str | None = None
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Content:
    """What a row says, before it belongs to a source: everything the fingerprint is taken over, and its notes."""

    messages: tuple[Message, ...]
    completions: tuple[Completion, ...] = ()
    chosen: int | None = None
    rejected: int | None = None
    ground_truth: str | None = None
    verifier: str | None = None
    constraints: str | None = None
    tools: str | None = None
    images: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    licence: str | None = None
    meta: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """A content with its identity. `id` is stable for ever; `fingerprint` changes with the content."""

    id: str
    source: str
    content: Content
    parents: tuple[str, ...] = ()


def record_id(source: str, own: str) -> str:
    """The id of a source's row: the same row keeps it through every version. 32 hex digits."""
    return hashlib.sha256(f"{source}\0{own}".encode()).hexdigest()[:32]


def fingerprint(content: Content) -> str:
    """Hash of what the row says, without its notes (labels, scores, licence, meta). 32 hex digits."""
    canonical = (
        _turns(content.messages),
        [(c.key, _turns(c.messages)) for c in content.completions],
        content.chosen,
        content.rejected,
        content.ground_truth,
        content.verifier,
        content.constraints,
        content.tools,
        content.images,
    )
    return hashlib.sha256(orjson.dumps(canonical)).hexdigest()[:32]


def _turns(messages: Sequence[Message]) -> list[tuple[str | None, ...]]:
    return [(m.role, m.content, m.name, m.tool_calls, m.thinking) for m in messages]


def to_batch(records: Sequence[Record]) -> pa.RecordBatch:
    """Records as one batch of `SCHEMA`, built column by column."""
    contents = [r.content for r in records]
    columns = {
        "id": pa.array([r.id for r in records], pa.string()),
        "fingerprint": pa.array([fingerprint(c) for c in contents], pa.string()),
        "source": pa.array([r.source for r in records], pa.string()),
        "parents": pa.array([r.parents for r in records], pa.list_(pa.string())),
        "messages": _message_lists([c.messages for c in contents]),
        "completions": _completion_lists([c.completions for c in contents]),
        "images": pa.array([c.images for c in contents], pa.list_(pa.string())),
        "labels": pa.array([list(c.labels.items()) for c in contents], STRINGS),
        "meta": pa.array([list(c.meta.items()) for c in contents], STRINGS),
    }
    for name in ("chosen", "rejected", "ground_truth", "verifier", "constraints", "tools", "licence"):
        columns[name] = pa.array([getattr(c, name) for c in contents], SCHEMA.field(name).type)
    return pa.RecordBatch.from_arrays([columns[f.name] for f in SCHEMA], schema=SCHEMA)


def _offsets(lists: Iterable[Sequence[Any]]) -> pa.Array:
    ends = [0]
    for items in lists:
        ends.append(ends[-1] + len(items))
    return pa.array(ends, pa.int32())


def _message_lists(lists: Sequence[Sequence[Message]]) -> pa.ListArray:
    flat = [m for messages in lists for m in messages]
    columns = [pa.array([getattr(m, f.name) for m in flat], f.type) for f in MESSAGE]
    return pa.ListArray.from_arrays(
        _offsets(lists), pa.StructArray.from_arrays(columns, fields=list(MESSAGE))
    )


def _completion_lists(lists: Sequence[Sequence[Completion]]) -> pa.ListArray:
    flat = [c for completions in lists for c in completions]
    columns = [
        pa.array([c.key for c in flat], pa.string()),
        _message_lists([c.messages for c in flat]),
        pa.array([c.model for c in flat], pa.string()),
        pa.array([list(c.scores.items()) for c in flat], COMPLETION.field("scores").type),
    ]
    return pa.ListArray.from_arrays(
        _offsets(lists), pa.StructArray.from_arrays(columns, fields=list(COMPLETION))
    )


def from_batch(batch: pa.RecordBatch) -> list[Record]:
    """The records of a batch of `SCHEMA`, as Python objects (for single rows and tests, not for hot paths)."""
    return [_from_row(row) for row in batch.to_pylist()]


def _from_row(row: dict[str, Any]) -> Record:
    names = ("chosen", "rejected", "ground_truth", "verifier", "constraints", "tools", "licence")
    content = Content(
        messages=_messages(row["messages"]),
        completions=tuple(
            Completion(c["key"], _messages(c["messages"]), c["model"], dict(c["scores"] or ()))
            for c in row["completions"]
        ),
        images=tuple(row["images"]),
        labels=dict(row["labels"]),
        meta=dict(row["meta"]),
        **{name: row[name] for name in names},
    )
    return Record(row["id"], row["source"], content, tuple(row["parents"]))


def _messages(rows: Sequence[dict[str, Any]]) -> tuple[Message, ...]:
    return tuple(Message(**row) for row in rows)
