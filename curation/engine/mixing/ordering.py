"""
The order of a mixture: rows sorted by a hash of (seed, id) and cut into shards of equal size.

Because the order is a property of each row alone, a mixture can be shuffled in pieces on any number of
machines: each piece goes to the shard that its key belongs to, and each shard is sorted by itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.engine.errors import BadInput
from curation.engine.mixing.sampling import Counts, Keys, hashed, id_halves
from curation.engine.records import SCHEMA

Mask = npt.NDArray[np.bool_]
DROPPED = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("component", pa.int32(), nullable=False),
        pa.field("kept", pa.int32(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class Piece:
    """
    Some chosen rows of `SCHEMA` that belong to one output shard; `component` is a position in the recipe,
    from 0.
    """

    component: int
    rows: pa.RecordBatch | pa.Table


@dataclass(frozen=True, slots=True)
class Gathered:
    """
    One output shard: `rows` in their final order, `component[i]` the position in the recipe of what gave row
    i, and `dropped` (schema `DROPPED`): rows that an earlier component had given already, with both
    components.
    """

    rows: pa.Table
    component: npt.NDArray[np.int32]
    dropped: pa.Table


def order_keys(seed: int, ids: pa.Array) -> Keys:
    """
    Where rows stand in the mixture: uint64, ascending. The same row has the same key in every component.
    """
    return hashed(f"order\0{seed}", id_halves(ids)[0])


def boundaries(keys: Iterable[Keys], shard_rows: int) -> list[int]:
    """
    The first key of every shard but the first, so that each shard gets `shard_rows` rows and the last one the
    rest. `keys` are the order keys of all chosen rows in any order and batching; a row that two components
    give counts once. Holds 8 bytes a row. Rows of different ids with equal keys (one pair is expected in a
    mixture of six thousand million rows) stay in one shard, which then is that much larger.
    """
    every = np.sort(np.concatenate([np.empty(0, np.uint64), *keys]))
    once = every[np.diff(every, prepend=~every[:1]) != 0]
    return [int(key) for key in once[shard_rows::shard_rows]]


def bucket(keys: Keys, bounds: Sequence[int]) -> Counts:
    """The shard, from 0 to len(bounds), that each row belongs to."""
    return np.searchsorted(np.array(bounds, np.uint64), keys, side="right").astype(np.int64)


def gather(pieces: Iterable[Piece], seed: int) -> Gathered:
    """
    One output shard from its pieces, in whatever order and division they come: sorted by (order key, id),
    each id once, from the component that stands first in the recipe. Raises BadInput when one component gives
    an id twice, as then nothing decides which row is meant. A shard may hold at most 2 GiB of text.
    """
    pieces = list(pieces)
    tables = [pa.table(piece.rows) for piece in pieces]
    table = pa.concat_tables(tables) if tables else SCHEMA.empty_table()
    component = np.repeat(np.array([p.component for p in pieces], np.int32), [t.num_rows for t in tables])
    first, last = id_halves(table.column("id"))
    keys = hashed(f"order\0{seed}", first)
    order = np.lexsort((component, last, keys))
    keys, last, component = keys[order], last[order], component[order]
    again = np.zeros(len(order), bool)
    again[1:] = (keys[1:] == keys[:-1]) & (last[1:] == last[:-1])
    _refuse_twins(table, order, component, again)
    keeper = np.maximum.accumulate(np.where(again, 0, np.arange(len(order))))[again]
    dropped = [table.column("id").take(pa.array(order[again])), component[again], component[keeper]]
    return Gathered(
        rows=table.take(pa.array(order[~again])).combine_chunks(),
        component=component[~again],
        dropped=pa.table(dropped, schema=DROPPED),
    )


def _refuse_twins(table: pa.Table, order: Counts, component: npt.NDArray[np.int32], again: Mask) -> None:
    twins = np.flatnonzero(again & (component == np.roll(component, 1)))
    if len(twins):
        found = table.column("id")[int(order[twins[0]])].as_py()
        place = component[twins[0]] + 1
        raise BadInput(f"Component {place} of the mixture has the id {found} more than once")
