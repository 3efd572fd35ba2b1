"""The user's turns of exported files, read back as whoever trains on them will read them."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, BinaryIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from curation.engine.exporters.profiles.profile import Asked

TURNS = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
ROWS = 1_000


def messages(file: BinaryIO, path: str, asked: str | Asked) -> Iterator[pa.ListArray]:
    """
    The turns that rows of a Parquet or JSONL file put before a model, some rows at a time: a column of messages, or
    what a function finds in each row.
    """
    if path.endswith(".parquet"):
        with pq.ParquetFile(file) as parquet:
            columns = [asked] if isinstance(asked, str) else None
            for batch in parquet.iter_batches(ROWS, columns=columns, use_threads=False):
                yield (batch.column(asked) if isinstance(asked, str) else _found(batch.to_pylist(), asked))
    else:
        while lines := list(islice(file, ROWS)):
            yield _found([orjson.loads(line) for line in lines], asked)


def _found(rows: Iterable[dict[str, Any]], asked: str | Asked) -> pa.ListArray:
    return pa.array([_turns(row[asked] if isinstance(asked, str) else asked(row)) for row in rows], TURNS)


def _turns(given: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"role": turn["role"], "content": turn.get("content")} for turn in given]


def text_key(text: str) -> str:
    """What stands for a text in a set of those that people have cleared."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
