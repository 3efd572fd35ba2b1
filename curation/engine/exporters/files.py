"""
Export files that are the same bytes for the same rows, however these arrive.

Parquet is written without `huggingface` schema metadata: with it, `datasets` 3 fails on the `List` of
`datasets` 4 and later ("Feature type 'List' not found"). With page indexes and content-defined chunking it is
what the Hub calls optimized Parquet (huggingface.co/docs/hub/datasets-libraries): readers skip pages, and a
new version of an export shares most of its chunks with the last.
"""

import contextlib
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from curation.engine.errors import BadConfig
from curation.engine.store import HashingFile

GROUP_ROWS = 10_000
GROUP_BYTES = 64 << 20
SPLITS = ("train", "validation", "test")
JSON_TEXT = frozenset(("tools", "arguments"))

Target = str | os.PathLike[str] | BinaryIO | HashingFile


@dataclass(frozen=True, slots=True)
class Written:
    """A finished file: its rows, its bytes, its bytes before compression, and the sha256 of its content."""

    rows: int
    bytes: int
    raw_bytes: int
    sha256: str


def shard_path(split: str, index: int, count: int, *, profile: str = "", suffix: str = "parquet") -> str:
    """
    `data/train-00000-of-00003.parquet`, below the folder of its profile if there is one. The Hub reads the
    split off the name, so a name has only the word of its own split
    (docs/hub/datasets-file-names-and-splits).
    """
    if split not in SPLITS:
        raise BadConfig(f"A split is called {', '.join(SPLITS)}; not {split}")
    folder = f"{profile}/data" if profile else "data"
    return f"{folder}/{split}-{index:05d}-of-{count:05d}.{suffix}"


def write_parquet(target: Target, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Written:
    """
    One Parquet file: zstd, row groups of 10,000 rows, or fewer where these would hold more than 64 MiB of
    text. The target is closed. At most one such group of rows is held.
    """
    schema, rows = schema.remove_metadata(), 0
    footers: list[pq.FileMetaData] = []
    with (
        _hashed(target) as file,
        pq.ParquetWriter(
            file,
            schema,
            compression="zstd",
            write_page_index=True,
            use_content_defined_chunking=True,
            metadata_collector=footers,
        ) as writer,
    ):
        for group in _groups(batches, schema):
            pieces = -(-_text_bytes(group) // GROUP_BYTES) or 1
            writer.write_table(group, row_group_size=-(-group.num_rows // pieces))
            rows += group.num_rows
    raw = sum(footers[0].row_group(i).total_byte_size for i in range(footers[0].num_row_groups))
    return Written(rows, file.bytes, raw, file.sha256)


def write_jsonl(
    target: Target,
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    *,
    objects: Collection[str] = (),
    sparse: bool = False,
) -> Written:
    """
    One JSON object per line, every key in every line unless it is `sparse`: then nulls are left out. The fields
    named in `objects` (of `JSON_TEXT`) are JSON values again, number for number as they were written; else JSON
    texts, as in Parquet. The target is closed.
    """
    names, rows = schema.names, 0
    read = _Reader(frozenset(objects), sparse)
    with _hashed(target) as file:
        for batch in batches:
            columns = [read.values(batch.column(name), name) for name in names]
            lines = [
                orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in read.objects(names, columns)
            ]
            file.write(b"".join(lines))
            rows += len(lines)
    return Written(rows, file.bytes, file.bytes, file.sha256)


@contextlib.contextmanager
def _hashed(target: Target) -> Iterator[HashingFile]:
    """The target as a file that hashes what it is given; closed at the end, also after an error."""
    with contextlib.ExitStack() as stack:
        if isinstance(target, str | os.PathLike):
            target = stack.enter_context(Path(target).open("wb"))
        file = target if isinstance(target, HashingFile) else HashingFile(target)
        with contextlib.closing(file):
            yield file


def _groups(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows in tables of 10,000, each column in one piece: page boundaries follow the pieces."""
    waiting: list[pa.RecordBatch] = []
    held = 0
    for batch in batches:
        rest = batch
        while held + rest.num_rows >= GROUP_ROWS:
            waiting.append(rest.slice(0, GROUP_ROWS - held))
            rest = rest.slice(GROUP_ROWS - held)
            yield pa.Table.from_batches(waiting, schema).combine_chunks()
            waiting, held = [], 0
        if rest.num_rows:
            waiting.append(rest)
            held += rest.num_rows
    if held:
        yield pa.Table.from_batches(waiting, schema).combine_chunks()


def _text_bytes(table: pa.Table) -> int:
    """Bytes of all texts of a table. Unlike `nbytes` it does not depend on how the buffers came to be."""
    return sum(_leaf_bytes(chunk) for column in table.columns for chunk in column.chunks)


def _leaf_bytes(array: pa.Array) -> int:
    kind = array.type
    if pa.types.is_struct(kind):
        return sum(_leaf_bytes(array.field(i)) for i in range(kind.num_fields))
    if pa.types.is_list(kind):
        return _leaf_bytes(array.flatten())
    if pa.types.is_string(kind) and len(array):
        ends = np.frombuffer(array.buffers()[1], np.int32, len(array) + 1, array.offset * 4)
        return int(ends[-1] - ends[0])
    return 0


@dataclass(frozen=True, slots=True)
class _Reader:
    """Columns as the Python values that orjson writes."""

    json: frozenset[str]
    sparse: bool

    def values(self, array: pa.Array, name: str) -> list[Any]:
        """The values of a column; JSON texts by their field's name as they stand, for orjson to copy."""
        kind = array.type
        if pa.types.is_struct(kind):
            names = [kind.field(i).name for i in range(kind.num_fields)]
            return self.objects(names, [self.values(array.field(i), one) for i, one in enumerate(names)])
        if pa.types.is_list(kind):
            return self.lists(array, name)
        values: list[Any] = array.to_pylist()
        if name in self.json:
            return [value if value is None else orjson.Fragment(_one_line(value)) for value in values]
        return values

    def objects(self, names: Sequence[str], columns: Sequence[list[Any]]) -> list[Any]:
        """Aligned columns as objects."""
        rows = zip(*columns, strict=True)
        if not self.sparse:
            return [dict(zip(names, row, strict=True)) for row in rows]
        return [{name: v for name, v in zip(names, row, strict=True) if v is not None} for row in rows]

    def lists(self, array: pa.ListArray, name: str) -> list[Any]:
        offsets = array.offsets.to_numpy()
        flat = self.values(array.values.slice(offsets[0], offsets[-1] - offsets[0]), name)
        lists: list[Any] = [flat[start:end] for start, end in pairwise((offsets - offsets[0]).tolist())]
        if array.null_count:
            there = array.is_valid().to_pylist()
            lists = [one if given else None for one, given in zip(lists, there, strict=True)]
        return lists


def _one_line(text: str) -> str:
    """JSON text without line breaks, which can only stand between its values."""
    return text.replace("\r", " ").replace("\n", " ")
