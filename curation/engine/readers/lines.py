"""JSON lines: one object a line (jsonlines.org). A bad line is rejected and the next one is read."""

import codecs
import re
from collections.abc import Iterable, Iterator

import orjson

from curation.engine.readers.items import Options, Reject, Row, SourceFile, excerpt, too_long
from curation.engine.readers.streams import Damaged, blocks

NOT_A_NUMBER = re.compile(r"NaN|Infinity")


def read_jsonl(file: SourceFile, options: Options, skip: int) -> Iterator[Row | Reject]:
    """Rows and rejects of a JSONL file. Blank lines are no items; skipped lines are not parsed."""
    number = 0
    try:
        for number, line in enumerate(lines(blocks(file, options), options.max_line_bytes), 1):
            if not line or line.isspace():
                continue
            if skip:
                skip -= 1
            else:
                yield parsed(file.name, number, line, options)
    except Damaged as damage:
        if not skip:
            yield Reject(file.name, number + 1, damage.reason, excerpt(damage.tail))


def lines(pieces: Iterable[bytes], cap: int) -> Iterator[bytes]:
    """
    Lines without their newline. A line longer than `cap` bytes comes out cut somewhere past the cap.

    Raises Damaged with the unfinished line as its tail.
    """
    parts: list[bytes] = []
    held = 0
    try:
        for piece in pieces:
            whole = piece.split(b"\n")
            tail = whole.pop()
            if whole and parts:
                parts.append(whole[0])
                whole[0] = b"".join(parts)
                parts, held = [], 0
            yield from whole
            if tail and held <= cap:
                parts.append(tail)
                held += len(tail)
    except Damaged as damage:
        damage.tail = b"".join(parts)
        raise
    if parts:
        yield b"".join(parts)


def parsed(name: str, number: int, raw: bytes, options: Options) -> Row | Reject:
    """The row that the JSON text `raw` says, or the reason why it says none."""
    if len(raw) > options.max_line_bytes:
        return Reject(name, number, too_long(options), excerpt(raw))
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if raw.startswith(codecs.BOM_UTF8):  # the beginning of a file that was appended to another
            return parsed(name, number, raw.removeprefix(codecs.BOM_UTF8), options)
        return Reject(name, number, _reason(raw, error), excerpt(raw))
    if isinstance(data, dict):
        return Row(name, number, data)
    return Reject(name, number, "not an object: a row needs named fields", excerpt(raw))


def _reason(raw: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        raw.decode()
    except UnicodeDecodeError as invalid:
        return f"not valid UTF-8 at byte {invalid.start + 1}"
    if found := NOT_A_NUMBER.match(error.doc, error.pos):
        return f"not valid JSON: {found[0]} at character {error.pos + 1} is no JSON value"
    if "surrogate" in error.msg:
        return f"not valid Unicode: half of a surrogate pair at character {error.pos + 1}"
    return f"not valid JSON: {error.msg} at character {error.pos + 1}"
