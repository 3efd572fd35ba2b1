"""What of a record is compared, and what decides which of several equal records stays."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from math import isfinite

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.text.jit import Array
from decontam.engine.dedupe.config import DedupeConfig, Keep, Key

TURNS = [f"messages.list.element.{name}" for name in ("role", "content")]
ANSWERS = [f"completions.list.element.messages.list.element.{name}" for name in ("role", "content")]


def columns(config: DedupeConfig) -> list[str]:
    """What has to be read of a shard of records."""
    named = ["labels", "meta"] if config.keep_by else []
    return ["id", "source", *TURNS, *(ANSWERS if config.key != Key.PROMPT else []), *named]


def key_texts(records: pa.RecordBatch, key: str) -> pa.Array:
    """
    One text a record: the turns that its key takes, in order, a line break between them; empty where there is none.

    The prompt is every turn but the assistant's; the response is the assistant's turns and every completion.
    """
    pieces = list(_pieces(records, key))
    row = np.concatenate([row for row, _ in pieces])
    text = (
        pa.chunked_array([text for _, text in pieces], pa.string()).cast(pa.large_string()).combine_chunks()
    )
    order = np.argsort(row, kind="stable")
    ends = np.cumsum(np.bincount(row, minlength=len(records)))
    lists = pa.LargeListArray.from_arrays(pa.array(np.concatenate([[0], ends])), text.take(pa.array(order)))
    return pc.binary_join(lists, pa.scalar("\n", pa.large_string()))


def _pieces(records: pa.RecordBatch, key: str) -> Iterator[tuple[Array, pa.Array]]:
    """Rows and texts of the turns, and of the turns of the completions."""
    turns = records.column("messages")
    role = turns.flatten().field("role")
    said = pc.equal(role, "assistant")
    wanted = {Key.PROMPT: pc.invert(said), Key.RESPONSE: said}.get(Key(key), pc.is_valid(role))
    yield _chosen(_rows_of(turns), turns.flatten().field("content"), wanted)
    if key != Key.PROMPT:
        completions = records.column("completions")
        answers = completions.flatten().field("messages")
        row = _rows_of(completions)[_rows_of(answers)]
        content = answers.flatten().field("content")
        yield _chosen(row, content, pa.array(np.ones(len(content), bool)))


def _rows_of(lists: pa.ListArray) -> Array:
    """For each element of some lists, which list holds it."""
    return np.repeat(np.arange(len(lists)), np.diff(lists.offsets.to_numpy()))


def _chosen(row: Array, text: pa.Array, wanted: pa.Array) -> tuple[Array, pa.Array]:
    keep = pc.and_(wanted, pc.is_valid(text))
    return row[keep.to_numpy(zero_copy_only=False)], text.filter(keep)


def merits(records: pa.RecordBatch, texts: pa.Array, config: DedupeConfig) -> Array:
    """float64: the higher, the sooner a record is kept; minus infinity where it does not say."""
    if config.keep == Keep.LONGEST:
        return np.asarray(pc.utf8_length(texts).to_numpy(), np.float64)
    if not config.keep_by:
        return np.zeros(len(records))
    read = _number if config.keep == Keep.QUALITY else _moment
    both = zip(records.column("labels").to_pylist(), records.column("meta").to_pylist(), strict=True)
    return np.array([read((dict(labels) | dict(meta)).get(config.keep_by)) for labels, meta in both])


def _number(said: str | None) -> float:
    try:
        value = float(said or "")
    except ValueError:
        return -np.inf
    return value if isfinite(value) else -np.inf


def _moment(said: str | None) -> float:
    """Seconds since 1970 of an ISO date; a bare number stands for itself."""
    try:
        at = datetime.fromisoformat(said or "")
    except ValueError:
        return _number(said)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def priorities(sources: pa.Array, named: Sequence[str]) -> pa.Array:
    """int64: the place of each source in the list; behind it for those that are not in it."""
    place = pc.index_in(sources, value_set=pa.array(list(named), pa.string()))
    return pc.fill_null(place, len(named)).cast(pa.int64())
