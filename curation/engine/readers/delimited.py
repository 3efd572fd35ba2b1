"""
CSV (RFC 4180) and tab-separated files, with or without a header line, quoted or not.

A row whose cells do not fit the columns is rejected: that is where a stray quote or delimiter shows.
"""

import csv
from collections.abc import Iterable, Iterator

from curation.engine.readers.dialect import Dialect, dialect_of
from curation.engine.readers.items import Options, Reject, Row, SourceFile, excerpt, too_long
from curation.engine.readers.lines import lines
from curation.engine.readers.streams import Damaged, blocks


def read_delimited(file: SourceFile, options: Options, skip: int) -> Iterator[Row | Reject]:
    """Rows and rejects of a CSV or TSV file; cells are strings. Skipped records are cut, but not built."""
    dialect = dialect_of(file, options)
    feed = Feed(lines(blocks(file, options), options.max_line_bytes), options.max_line_bytes)
    found = records(feed, dialect, options)
    number = 0
    try:
        if dialect.header:
            next(found, None)
        for number, record in enumerate(found, 1):
            if skip:
                skip -= 1
            elif isinstance(record, str):
                yield Reject(file.name, number, record, feed.excerpt())
            else:
                yield Row(file.name, number, dict(zip(dialect.names, record, strict=True)))
    except Damaged as damage:
        if not skip:
            yield Reject(file.name, number + 1, damage.reason, excerpt(damage.tail))


class TooLong(Exception):
    """The record goes on beyond the longest that is read."""


class Feed:
    """Lines as text for the csv module. Knows the lines of the current record, and whether they are UTF-8."""

    def __init__(self, source: Iterable[bytes], cap: int) -> None:
        self.source = iter(source)
        self.cap = cap
        self.start()

    def start(self) -> None:
        """A new record begins."""
        self.text: list[str] = []
        self.held = 0
        self.invalid = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self.source)
        self.held += len(line)
        if self.held > self.cap:
            self.text.append(excerpt(line))
            raise TooLong
        try:
            text = line.decode()
        except UnicodeDecodeError:
            text = line.decode("utf-8", "replace")
            self.invalid = True
        self.text.append(text)
        return text + "\n"

    def excerpt(self) -> str:
        """The beginning of the current record."""
        return excerpt("\n".join(self.text))


def records(feed: Feed, dialect: Dialect, options: Options) -> Iterator[list[str] | str]:
    """The cells of each record, or the reason why it has none. Blank lines are passed over."""
    cut = _cutter(feed, dialect, options)
    while True:
        feed.start()
        try:
            cells = next(cut)
        except StopIteration:
            return
        except csv.Error as error:
            yield f"not valid CSV: {error}"
        except TooLong:
            yield too_long(options)
        else:
            if any(cells) or len(feed.text) > 1 or feed.text[0].strip():
                yield _fault(feed, dialect, cells) or cells


def _cutter(feed: Feed, dialect: Dialect, options: Options) -> Iterator[list[str]]:
    if dialect.quoted:
        csv.field_size_limit(max(csv.field_size_limit(), options.max_line_bytes + 1))
        return csv.reader(feed, delimiter=dialect.delimiter, strict=True)

    def cut(line: str) -> list[str]:
        return line.rstrip("\r\n").split(dialect.delimiter)

    return map(cut, feed)


def _fault(feed: Feed, dialect: Dialect, cells: list[str]) -> str | None:
    if feed.invalid:
        return "not valid UTF-8"
    if len(cells) != len(dialect.names):
        return f"{len(cells)} cells where the file has {len(dialect.names)} columns"
    return None
