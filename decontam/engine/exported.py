"""The user's turns of exported files, read back as whoever trains on them will read them."""

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, BinaryIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

TURNS = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
ROWS = 1_000


def messages(file: BinaryIO, path: str, column: str) -> Iterator[pa.ListArray]:
    """A column of messages of a Parquet or JSONL file, some rows at a time."""
    if path.endswith(".parquet"):
        with pq.ParquetFile(file) as parquet:
            for batch in parquet.iter_batches(ROWS, columns=[column], use_threads=False):
                yield batch.column(column)
    else:
        while lines := list(islice(file, ROWS)):
            yield pa.array([_turns(orjson.loads(line)[column]) for line in lines], TURNS)


def _turns(given: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"role": turn["role"], "content": turn.get("content")} for turn in given]


def text_key(text: str) -> str:
    """What stands for a text in a set of those that people have cleared."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
