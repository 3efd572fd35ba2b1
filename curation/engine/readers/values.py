"""
JSON files that are not lines: arrays of objects, and objects written one after the other.

The text is cut into its top-level values by brackets and quotes, and each value is parsed by itself: so one
bad element is one reject, where an event parser would lose the rest of the file. One regular expression skips
everything between two brackets, whole strings included.
"""

import re
from collections.abc import Iterable, Iterator

from curation.engine.readers.items import Options, Reject, Row, SourceFile, excerpt
from curation.engine.readers.lines import parsed
from curation.engine.readers.streams import Damaged, blocks

STRING = rb'"(?:[^"\\]++|\\.)*+"'
BETWEEN_BRACKETS = re.compile(rb'(?:[^"{}\[\]]++|%b)*+' % STRING, re.DOTALL)
BETWEEN_ELEMENTS = re.compile(rb'(?:[^",{}\[\]]++|%b)*+' % STRING, re.DOTALL)
REST_OF_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
PADDING = b" \t\r\n,"
NEVER_ENDS = (
    "a value is longer than %s bytes (is a bracket or quote never closed?); nothing after it could be read"
)


def read_json(file: SourceFile, options: Options, skip: int) -> Iterator[Row | Reject]:
    """Rows and rejects of a JSON file; skipped values are not parsed."""
    number = 0
    cutter = Cutter(options.max_line_bytes)
    try:
        for number, raw in enumerate(cutter.values(blocks(file, options)), 1):
            if skip:
                skip -= 1
            else:
                yield parsed(file.name, number, raw, options)
    except Damaged as damage:
        if not skip:
            yield Reject(file.name, number + 1, damage.reason, excerpt(damage.tail))


class Cutter:
    """Cuts JSON text into top-level values. One use per file; holds one value at a time."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.array: bool | None = None  # None: the next character decides
        self.depth = 0  # open brackets inside the current value
        self.quoted = False
        self.escaped = False  # the last block ended behind a backslash
        self.parts: list[bytes] = []
        self.held = 0

    def values(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The values' texts, stripped. Raises Damaged when the text ends inside one, or one never ends."""
        damage: Damaged | None = None
        try:
            for piece in pieces:
                if piece:
                    yield from self._cut(piece)
                if self.held > self.cap:
                    raise Damaged(NEVER_ENDS % f"{self.cap:,}")
        except Damaged as error:
            damage = error
        if not (self.depth or self.quoted or self.held > self.cap):
            yield from self._finished(b"")  # an element without its comma, or stray text
        if damage is None and (self.array or b"".join(self.parts).strip(PADDING)):
            damage = Damaged("the JSON ends too early: the file was cut off")
        if damage:
            damage.tail = b"".join(self.parts)
            raise damage

    def _cut(self, piece: bytes) -> Iterator[bytes]:
        start = 0
        at = self._close_string(piece) if self.quoted else 0
        while at < len(piece) and not self.quoted:
            if self.array is None:
                start = at = self._open(piece, at)
                continue
            top = self.array and not self.depth
            at = _end(BETWEEN_ELEMENTS if top else BETWEEN_BRACKETS, piece, at) + 1
            if at <= len(piece):
                end = self._meet(piece, at - 1)
                if end is not None:
                    yield from self._finished(piece[start:end])
                    start = at
        self._keep(piece[start:])

    def _open(self, piece: bytes, at: int) -> int:
        while at < len(piece) and piece[at] in PADDING:
            at += 1
        if at < len(piece):
            self.array = piece[at] == ord("[")
        return at + 1 if self.array else at

    def _meet(self, piece: bytes, at: int) -> int | None:
        """Follow the structural character at `at`; where the value ends if it ends here."""
        mark = piece[at : at + 1]
        if mark == b'"':
            self._enter_string(piece, at + 1)
        elif mark in b"{[":
            self.depth += 1
        elif mark == b",":
            return at
        elif self.depth:
            self.depth -= 1
            return None if self.depth or self.array else at + 1
        elif self.array and mark == b"]":
            self.array = None
            return at
        return None

    def _enter_string(self, piece: bytes, at: int) -> int:
        """The string goes on to the end of the block, or is closed at the returned position."""
        end = _end(REST_OF_STRING, piece, at)
        self.quoted = piece[end : end + 1] != b'"'
        self.escaped = piece[end : end + 1] == b"\\"
        return end

    def _close_string(self, piece: bytes) -> int:
        return self._enter_string(piece, 1 if self.escaped else 0) + 1

    def _finished(self, last: bytes) -> Iterator[bytes]:
        raw = (b"".join((*self.parts, last)) if self.parts else last).strip(PADDING)
        self.parts, self.held = [], 0
        if raw:
            yield raw

    def _keep(self, rest: bytes) -> None:
        if rest:
            self.parts.append(rest)
            self.held += len(rest)


def _end(pattern: re.Pattern[bytes], piece: bytes, at: int) -> int:
    found = pattern.match(piece, at)
    return found.end() if found else at
