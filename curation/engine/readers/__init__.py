"""
Reading sources: `find` the files, `read` them row by row.

Everything streams in bounded memory, and nothing is dropped in silence: what cannot be used comes out as a
`Reject` with file, line and reason. The n-th item of a file is always the same one, so that reading can go on
after a crash by skipping what was consumed.
"""

from collections.abc import Callable, Iterator, Sequence

from curation.engine.readers.columnar import read_parquet
from curation.engine.readers.delimited import read_delimited
from curation.engine.readers.dialect import settled
from curation.engine.readers.files import Found, described, find, looks_like_eval_split
from curation.engine.readers.items import Compression, Format, Options, Reject, Row, SourceFile
from curation.engine.readers.lines import read_jsonl
from curation.engine.readers.values import read_json

__all__ = [
    "Compression",
    "Format",
    "Found",
    "Options",
    "Reject",
    "Row",
    "SourceFile",
    "described",
    "find",
    "looks_like_eval_split",
    "read",
    "sample",
    "settled",
]

READERS: dict[Format, Callable[[SourceFile, Options, int], Iterator[Row | Reject]]] = {
    Format.JSONL: read_jsonl,
    Format.JSON: read_json,
    Format.CSV: read_delimited,
    Format.TSV: read_delimited,
    Format.PARQUET: read_parquet,
}


def read(file: SourceFile, *, skip: int = 0, options: Options | None = None) -> Iterator[Row | Reject]:
    """
    The items of a file in order, without the first `skip` ones (those consumed before a crash).

    Raises BadInput when the file as a whole is no such thing (binary, gone, not Parquet).
    """
    return READERS[file.format](file, options or Options(), skip)


def sample(
    files: Sequence[SourceFile], rows: int = 1000, options: Options | None = None
) -> list[Row | Reject]:
    """The first items of every file in equal shares, about `rows` in all and at least one of each file."""
    share = max(rows // max(len(files), 1), 1)
    found: list[Row | Reject] = []
    for file in files[:rows]:
        found.extend(item for item, _ in zip(read(file, options=options), range(share), strict=False))
    return found
