"""What reading is about: the file, what comes out of it row by row, and how to read it."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from curation.engine.errors import BadConfig

EXCERPT = 200
MIB = 1 << 20
SEPARATOR = re.compile(r'[^\r\n"]').fullmatch


class Format(StrEnum):
    """How rows lie in a file."""

    JSONL = "jsonl"
    JSON = "json"
    CSV = "csv"
    TSV = "tsv"
    PARQUET = "parquet"


class Compression(StrEnum):
    """What a file is packed with, told by its first bytes, never by its name."""

    NONE = "none"
    GZ = "gz"
    ZST = "zst"
    BZ2 = "bz2"
    XZ = "xz"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source. `name` is shown and goes into record ids; `size` is in bytes, as stored."""

    path: str
    name: str
    size: int
    format: Format
    compression: Compression = Compression.NONE


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it was written. `line` is the line in JSONL and the record's number elsewhere, from 1."""

    file: str
    line: int
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that cannot be used, and why; `excerpt` is its beginning, at most 200 characters."""

    file: str
    line: int
    reason: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class Options:
    """How to read. None means: look at the file. Saved with the mapping, so that a re-import reads alike."""

    header: bool | None = None
    delimiter: str | None = None
    quoted: bool | None = None
    max_line_bytes: int = 256 * MIB
    max_bytes: int = 1 << 40

    def __post_init__(self) -> None:
        for name, value in (("header", self.header), ("quoted", self.quoted)):
            if value not in (None, True, False):
                raise BadConfig(f"{name} must be true, false or null")
        if self.delimiter is not None and not (isinstance(self.delimiter, str) and SEPARATOR(self.delimiter)):
            raise BadConfig("delimiter must be one character that separates cells, such as a comma or a tab")
        for name, size in (("max_line_bytes", self.max_line_bytes), ("max_bytes", self.max_bytes)):
            if not isinstance(size, int) or size < 1:
                raise BadConfig(f"{name} must be at least 1: it caps what is held or unpacked")


def excerpt(raw: bytes | str) -> str:
    """The beginning of a row, for a person: at most 200 characters, undecodable bytes shown as �."""
    text = raw[: 4 * EXCERPT].decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    return text.strip()[:EXCERPT]


def too_long(options: Options) -> str:
    """The reason given to a row that exceeds `max_line_bytes`."""
    return f"longer than {options.max_line_bytes:,} bytes, the longest row that is read"


def too_much(options: Options) -> str:
    """The reason given to what comes after `max_bytes` of a file."""
    return f"the file expands to more than {options.max_bytes:,} bytes; reading stopped there"
