"""A file under a mapping: what comes in, row by row, and what does not."""

from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from curation.engine.mapping.cells import Unusable
from curation.engine.mapping.contents import compiled, identified
from curation.engine.mapping.spec import Mapping
from curation.engine.readers import Reject, Row, SourceFile, read
from curation.engine.readers.items import excerpt
from curation.engine.records import Content


@dataclass(frozen=True, slots=True)
class Imported:
    """A row that became a content. `own` names it within its source: its own id, or "file#line"."""

    file: str
    line: int
    own: str
    content: Content


def contents(file: SourceFile, mapping: Mapping, *, skip: int = 0) -> Iterator[Imported | Reject]:
    """
    Every row of a file as a content or a reject, read as the mapping's options say, without the first `skip`.

    Raises BadInput when the file as a whole cannot be read.
    """
    convert, identify = compiled(mapping), identified(mapping)
    for item in read(file, skip=skip, options=mapping.options):
        if isinstance(item, Reject):
            yield item
            continue
        try:
            own = identify(item.data) or f"{item.file}#{item.line}"
            yield Imported(item.file, item.line, own, convert(item.data))
        except Unusable as reason:
            yield rejected(item, str(reason))


def rejected(row: Row, reason: str) -> Reject:
    """The reject for a row that was read but cannot be used."""
    try:
        raw = orjson.dumps(row.data, default=str, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # nested too deeply, or a number beyond 64 bits
        raw = str(list(row.data)).encode()
    return Reject(row.file, row.line, reason, excerpt(raw))
