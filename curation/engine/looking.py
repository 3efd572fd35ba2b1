"""
A look at a source before it is imported: a sample that is kept, what it shows, and what a mapping makes of it.

The sample is JSON lines, one row or reject each, as read and not yet mapped, so that any number of mappings can be
tried on it without opening the source again.
"""

import base64
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from curation.engine.mapping import Mapping, Unusable, compiled, rejected
from curation.engine.readers import Options, Reject, Row, SourceFile, read
from curation.engine.records import Content

ROWS = 200
FILES = 50
ROW_BYTES = 2 << 20
ALL_BYTES = 32 << 20
BYTES = "$bytes"
COLUMNS = 200
TYPES: dict[type, str] = {
    str: "text",
    bool: "yes or no",
    int: "number",
    float: "number",
    list: "list",
    dict: "object",
    type(None): "empty",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """`text` is the file that is kept; `left_out` counts rows too large for it."""

    text: bytes
    items: list[Row | Reject]
    left_out: int = 0

    @property
    def rows(self) -> list[Row]:
        return [item for item in self.items if isinstance(item, Row)]

    @property
    def rejects(self) -> list[Reject]:
        return [item for item in self.items if isinstance(item, Reject)]


def spread(files: Sequence[SourceFile], most: int = FILES) -> list[SourceFile]:
    """At most so many of the files, evenly spread: the first and the last shard often differ."""
    return [files[i * len(files) // most] for i in range(most)] if len(files) > most else list(files)


def take(files: Sequence[SourceFile], options: Options, rows: int = ROWS) -> Sample:
    """The first items of each file in equal shares, about `rows` in all, at most 32 MiB."""
    share = max(rows // max(len(files), 1), 1)
    lines: list[bytes] = []
    items: list[Row | Reject] = []
    size = left_out = 0
    for file in files:
        for item, _ in zip(read(file, options=options), range(share), strict=False):
            line = encode(item)
            if len(line) > ROW_BYTES or size + len(line) > ALL_BYTES:
                left_out += 1
                continue
            size += len(line)
            lines.append(line)
            items.append(decode(line))
    return Sample(b"\n".join(lines), items, left_out)


def encode(item: Row | Reject) -> bytes:
    """One line of a sample. What JSON does not know becomes text, as it does in a record."""
    told: dict[str, Any] = {"file": item.file, "line": item.line}
    if isinstance(item, Reject):
        return orjson.dumps(told | {"reason": item.reason, "excerpt": item.excerpt})
    try:
        return orjson.dumps(
            told | {"data": item.data},
            default=_as_json,
            option=orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATETIME,
        )
    except TypeError:
        return encode(rejected(item, "nested too deeply, or a number too large, to be shown here"))


def decode(line: bytes) -> Row | Reject:
    told = orjson.loads(line)
    if "reason" in told:
        return Reject(**told)
    return Row(told["file"], told["line"], {name: _restored(value) for name, value in told["data"].items()})


def decoded(text: bytes) -> list[Row | Reject]:
    """The items of a sample that was kept."""
    return [decode(line) for line in text.split(b"\n") if line]


def _as_json(value: Any) -> Any:
    return {BYTES: base64.b64encode(value).decode()} if isinstance(value, bytes) else str(value)


def _restored(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {BYTES}:
            with suppress(TypeError, ValueError):  # else the source has such an object itself
                return base64.b64decode(value[BYTES], validate=True)
        return {key: _restored(inner) for key, inner in value.items()}
    return [_restored(inner) for inner in value] if isinstance(value, list) else value


def storable(told: Any) -> Any:
    """The same for a JSON column: PostgreSQL takes no NUL inside a text."""
    if isinstance(told, str):
        return told.replace("\0", "\ufffd")
    if isinstance(told, dict):
        return {storable(key): storable(value) for key, value in told.items()}
    return [storable(value) for value in told] if isinstance(told, (list, tuple)) else told


def columns(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Columns in the order they were seen: name, types in words, in how many rows filled, and an example."""
    names: dict[str, list[Any]] = {}
    for row in rows:
        for name, value in row.data.items():
            names.setdefault(name, []).append(value)
    return [_column(name, values) for name, values in list(names.items())[:COLUMNS]]


def _column(name: str, values: list[Any]) -> dict[str, Any]:
    filled = [value for value in values if value not in (None, "", [], {})]
    types = dict.fromkeys(TYPES.get(type(value), type(value).__name__) for value in filled)
    return {
        "name": name,
        "types": list(types) or ["empty"],
        "filled": len(filled),
        "example": _example(filled[0]) if filled else "",
    }


def _example(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode(errors="replace")
    return text.strip()[:200]


@dataclass(frozen=True, slots=True)
class Previewed:
    """One row of a sample under a mapping: its content, or the reason why it has none. `raw` is its beginning."""

    file: str
    line: int
    content: Content | None
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class Preview:
    """Some rows, spread over the sample, and counts over all of it."""

    rows: list[Previewed]
    usable: int
    rejected: dict[str, int]

    @property
    def total(self) -> int:
        return self.usable + sum(self.rejected.values())


def preview(items: Sequence[Row | Reject], mapping: Mapping, limit: int = 10) -> Preview:
    """What a mapping makes of a sample. Pure, and fast enough for every change of a form."""
    made = list(_previewed(items, mapping))
    reasons = Counter(row.reason for row in made if row.content is None)
    shown = [made[i * len(made) // limit] for i in range(limit)] if len(made) > limit else made
    return Preview(shown, len(made) - reasons.total(), dict(reasons.most_common()))


def _previewed(items: Iterable[Row | Reject], mapping: Mapping) -> Iterator[Previewed]:
    convert = compiled(mapping)
    for item in items:
        if isinstance(item, Reject):
            yield Previewed(item.file, item.line, None, item.reason, item.excerpt)
            continue
        raw = rejected(item, "").excerpt
        try:
            yield Previewed(item.file, item.line, convert(item.data), "", raw)
        except Unusable as reason:
            yield Previewed(item.file, item.line, None, str(reason), raw)
