"""Chosen rows on their way to the output shards."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from curation.engine.mixing import Scattered, boundaries, bucket, expand, order_keys, pieces
from curation.engine.records import SCHEMA, Content, Message, Record, record_id, to_batch

SEED = 5


def batch_of(names):
    content = Content((Message("user", "why"), Message("assistant", "so")))
    return to_batch([Record(record_id("a", str(name)), "a", content, ("p",)) for name in names])


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=6), max_size=4), st.integers(1, 5))
def test_pieces_hold_what_all_expanded_rows_cut_at_the_bounds_hold(asked, shard_rows):
    starts = np.cumsum([0, *map(len, asked)])
    batches = [batch_of(range(at, at + len(some))) for at, some in zip(starts, asked, strict=False)]
    copies = [np.array(some, np.int64) for some in asked]
    expanded = [expand(*both) for both in zip(batches, copies, strict=True)]
    whole = pa.Table.from_batches(expanded, SCHEMA)
    keys = order_keys(SEED, whole.column("id"))
    bounds = boundaries([keys], shard_rows)
    target = bucket(keys, bounds)
    scattered = [Scattered.of(*both, SEED, bounds) for both in zip(batches, copies, strict=True)]
    found = {number: pa.Table.from_batches(some, SCHEMA) for number, some in pieces(scattered)}
    assert sorted(found) == sorted(set(target.tolist()))
    for number, piece in found.items():
        assert piece.to_pylist() == whole.filter(pa.array(target == number)).to_pylist()


def test_a_row_that_is_repeated_is_held_once():
    made = Scattered.of(batch_of(range(3)), np.array([0, 1000, 1]), SEED, [2**63])
    assert made.batch.num_rows == 2 and len(made.target) == 1001
