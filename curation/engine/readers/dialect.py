"""How a CSV or TSV file is written: delimiter, quotes, header. Its first rows tell what no option says."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from curation.engine.readers.columns import KNOWN, plain
from curation.engine.readers.items import Format, Options, SourceFile
from curation.engine.readers.streams import Damaged, blocks

SAMPLE = 256 << 10
RECORDS = 200
DELIMITERS = (",", ";", "\t", "|")
NAME = re.compile(r"[^\W\d][\w .()/-]{0,63}")
QUOTED_CELL = re.compile(r'"(?:[^"]|"")*"', re.DOTALL)

Records = list[list[str]]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How cells are cut, and what the columns are called: `column_1` … where no line says it."""

    delimiter: str
    quoted: bool
    header: bool
    names: tuple[str, ...]


def dialect_of(file: SourceFile, options: Options) -> Dialect:
    """The dialect of a file, from its first 200 records. Raises BadInput for what is not text."""
    text = _beginning(file, options)
    delimiter = options.delimiter or ("\t" if file.format is Format.TSV else _delimiter(text))
    quoted = options.quoted if options.quoted is not None else _is_quoted(text, delimiter)
    records = _records(text, delimiter, quoted)
    width = _usual_width(records)
    first = records[0] if records else []
    header = options.header
    if header is None:
        header = len(first) == width and _is_header(first, records[1:])
    names = _names(first) if header else tuple(f"column_{i}" for i in range(1, width + 1))
    return Dialect(delimiter, quoted, header, names)


def settled(file: SourceFile, options: Options) -> Options:
    """The options with what the file shows filled in, to be saved with its mapping."""
    dialect = dialect_of(file, options)
    return replace(options, delimiter=dialect.delimiter, quoted=dialect.quoted, header=dialect.header)


def _beginning(file: SourceFile, options: Options) -> str:
    try:
        head = next(blocks(file, options), b"")
    except Damaged:
        return ""
    if len(head) > SAMPLE:
        head = head[: head.find(b"\n", SAMPLE) + 1] or head
    return head.decode("utf-8", "replace")


def _records(text: str, delimiter: str, quoted: bool) -> Records:
    """The first records; the last one is left out where the sample may have cut it."""
    whole = len(text) < SAMPLE
    lines = (line + "\n" for line in text.split("\n"))
    found: Records = []
    try:
        for cells in csv.reader(lines, delimiter=delimiter) if quoted else _split(text, delimiter):
            if any(cells):
                found.append(cells)
            if len(found) == RECORDS:
                return found
    except csv.Error:
        return found
    return found if whole or len(found) < 2 else found[:-1]


def _split(text: str, delimiter: str) -> Records:
    return [line.rstrip("\r").split(delimiter) for line in text.split("\n", RECORDS)[:RECORDS]]


def _usual_width(records: Records) -> int:
    return Counter(map(len, records)).most_common(1)[0][0] if records else 0


def _evenness(records: Records) -> float:
    width = _usual_width(records)
    return sum(len(r) == width for r in records) / len(records) if width > 1 else 0.0


def _delimiter(text: str) -> str:
    """The first delimiter that cuts the rows most evenly into two cells or more; a comma if none does."""
    return max(DELIMITERS, key=lambda delimiter: _evenness(_records(text, delimiter, quoted=True)))


def _is_quoted(text: str, delimiter: str) -> bool:
    """
    Commas are read with quotes. Tab-separated files often hold bare quotes: there they count as quoting
    only if every cell that holds one is a well-formed quoted cell, or if only so the rows come out even.
    """
    if delimiter != "\t":
        return True
    bare = _records(text, delimiter, quoted=False)
    cells = [cell for row in bare for cell in row if '"' in cell]
    if all(QUOTED_CELL.fullmatch(cell) for cell in cells):
        return bool(cells)
    return _evenness(bare) < 1 and _evenness(_records(text, delimiter, quoted=True)) == 1


def _is_header(first: Sequence[str], rest: Records) -> bool:
    if not all(NAME.fullmatch(cell.strip()) for cell in first[1:]) or not first:
        return False
    if first[0].strip() and not NAME.fullmatch(first[0].strip()):
        return False
    if any(plain(cell) in KNOWN for cell in first):
        return True
    columns = zip(*(row for row in rest[:50] if len(row) == len(first)), strict=True)
    return any(not any(NAME.fullmatch(cell.strip()) for cell in column) for column in columns)


def _names(cells: Sequence[str]) -> tuple[str, ...]:
    names: list[str] = []
    for number, cell in enumerate(cells, 1):
        name = cell.strip() or f"column_{number}"
        names.append(name if name not in names else f"{name}_{number}")
    return tuple(names)
