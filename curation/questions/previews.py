"""A look as a person reads it: what columns and speakers the sample has, and its rows as conversations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as Table
from dataclasses import dataclass
from typing import Any

import orjson

from curation.engine.errors import DataError
from curation.engine.looking import Previewed, preview
from curation.engine.mapping import Mapping
from curation.engine.mapping.turns import SPEAKERS
from curation.engine.readers import Reject, Row
from curation.engine.records import Content, Message

TEXT = 600  # characters of a turn
RAW = 300
MOST_SPEAKERS = 12
MOST_PATHS = 80
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Turn:
    role: str
    text: str
    more: int  # characters that are not shown


@dataclass(frozen=True, slots=True)
class Answer:
    """One of several replies; `label` is chosen, rejected, or its key."""

    label: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A row of the sample: its conversation, or the reason why it has none and how it begins."""

    file: str
    line: int
    reason: str
    raw: str
    turns: tuple[Turn, ...] = ()
    answers: tuple[Answer, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Tried:
    """What a mapping makes of a sample; `error` says why it is no mapping yet."""

    rows: tuple[Shown, ...] = ()
    usable: int = 0
    total: int = 0
    reasons: tuple[tuple[str, int], ...] = ()
    error: str = ""

    @property
    def rejected(self) -> int:
        return self.total - self.usable


@dataclass(frozen=True, slots=True)
class Speaker:
    """A name in front of a turn; `role` is what it stands for by itself, empty where nobody knows."""

    name: str
    role: str
    renamed: str


def tried(sample: Sequence[Row | Reject], mapping: Mapping, limit: int = 10) -> Tried:
    """What a mapping makes of a sample: the first row of every reason, and usable ones from all over the sample."""
    made = preview(sample, mapping, len(sample))
    first: dict[str, Previewed] = {}
    for row in made.rows:
        if row.content is None:
            first.setdefault(row.reason, row)
    bad = list(first.values())[: max(limit // 2, 1)]
    good = _spread([row for row in made.rows if row.content], limit - len(bad))
    rows = tuple(map(shown, [*bad, *good]))
    return Tried(rows, made.usable, made.total, tuple(made.rejected.items()))


def _spread(rows: list[Previewed], most: int) -> list[Previewed]:
    return [rows[i * len(rows) // most] for i in range(most)] if len(rows) > most else rows


def untried(sample: Sequence[Row | Reject], error: DataError, limit: int = 10) -> Tried:
    """The rows as they were read, while there is no mapping to try."""
    rows = tuple(Shown(item.file, item.line, "", _raw(item)) for item in sample[:limit])
    return Tried(rows, error=str(error))


def _raw(item: Row | Reject) -> str:
    if isinstance(item, Reject):
        return item.excerpt[:RAW]
    return orjson.dumps(item.data, default=str, option=orjson.OPT_NON_STR_KEYS).decode(errors="replace")[:RAW]


def shown(row: Previewed) -> Shown:
    content = row.content
    if content is None:
        return Shown(row.file, row.line, row.reason, row.raw)
    answers = tuple(
        Answer(_label(content, place), tuple(map(_turn, completion.messages)))
        for place, completion in enumerate(content.completions)
    )
    return Shown(row.file, row.line, "", "", tuple(map(_turn, content.messages)), answers, _notes(content))


def _turn(message: Message) -> Turn:
    text = message.content if message.content is not None else f"calls {message.tool_calls or 'nothing'}"
    return Turn(message.role, text[:TEXT], max(len(text) - TEXT, 0))


def _label(content: Content, place: int) -> str:
    sides = {content.chosen: "chosen", content.rejected: "rejected"}
    return sides.get(place, content.completions[place].key)


def _notes(content: Content) -> tuple[tuple[str, str], ...]:
    """What a row says beside its turns, and takes part in training or checking."""
    named = ("ground_truth", "verifier", "constraints", "tools", "licence")
    said = [(name.replace("_", " "), getattr(content, name)) for name in named]
    said += [(name, value) for name, value in content.labels.items()]
    return tuple((name, str(value)[:RAW]) for name, value in said if value is not None)


def speakers(sample: Iterable[Row | Reject], renamed: Table[str, str]) -> list[Speaker]:
    """Who speaks in lists of turns, in the order in which they first do, and who a mapping renames."""
    names = dict.fromkeys(name for item in sample if isinstance(item, Row) for name in _speaking(item.data))
    heard = [*renamed, *(name for name in names if name not in renamed)][:MOST_SPEAKERS]
    return [
        Speaker(name, SPEAKERS.get(name) or SPEAKERS.get(name.strip().lower(), ""), renamed.get(name, ""))
        for name in heard
    ]


def _speaking(data: dict[str, Any]) -> Iterator[str]:
    for value in data.values():
        turns = _parsed(value)
        for turn in turns if isinstance(turns, list) else ():
            name = (turn.get("role") or turn.get("from")) if isinstance(turn, dict) else None
            if isinstance(name, str) and len(name) <= LONGEST_NAME:
                yield name


def _parsed(value: Any) -> Any:
    """Turns may be JSON inside a cell."""
    if not isinstance(value, str) or not value.startswith("[{"):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def paths(sample: Iterable[Row | Reject]) -> list[str]:
    """What lies inside columns, as mappings write it: "a.b" in an object, "a.0" in a list."""
    found: dict[str, None] = {}
    for item in sample:
        for name, value in item.data.items() if isinstance(item, Row) else ():
            found |= dict.fromkeys(_inside(name, value))
        if len(found) > MOST_PATHS:
            break
    return [path for path in found if len(path) <= LONGEST_NAME][:MOST_PATHS]


def _inside(name: str, value: Any, depth: int = 2) -> Iterator[str]:
    inner = value.items() if isinstance(value, dict) else [(0, value[0])] if _is_list(value) else ()
    for key, nested in inner:
        yield f"{name}.{key}"
        if depth > 1:
            yield from _inside(f"{name}.{key}", nested, depth - 1)


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value)
