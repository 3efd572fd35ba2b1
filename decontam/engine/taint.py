"""
Rows that were made from removed ones: by way of `parents`, through as many generations as there are.

A mixture gives a repeated row its original as a parent, and what a model wrote after a seed has the seed; both are as
dirty as what they were made from.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.engine.store import Shard, Store

COLUMNS = ["id", "parents"]
LEAF = "parents.list.element"
Read = Callable[[], Iterable[pa.RecordBatch]]


def tainted(versions: Sequence[Read], removed: Collection[str]) -> list[dict[str, str]]:
    """
    For each version its rows that descend from a removed row, by id, each with the parent by which it does so.
    `versions` read batches of `COLUMNS`, as often as there are generations; the removed rows themselves are not told.
    Only ids of removed rows and of their descendants are held.
    """
    found: list[dict[str, str]] = [{} for _ in versions]
    bad, before = set(removed), -1
    own = frozenset(removed)
    while len(bad) > before:
        before = len(bad)
        for read, here in zip(versions, found, strict=True):
            for child, parents in _families(read()):
                cause = next((parent for parent in parents if parent in bad), None)
                if cause is not None and child not in here and child not in own:
                    here[child] = cause
                    bad.add(child)
    return found


def _families(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[str, list[str]]]:
    """The rows that have parents, with them."""
    for batch in batches:
        some = batch.filter(pc.greater(pc.list_value_length(batch.column("parents")), 0))
        yield from zip(*(some.column(name).to_pylist() for name in COLUMNS), strict=True)


def have_parents(store: Store, shards: Iterable[Shard]) -> bool:
    """Whether any row has one; only the ends of the files are read."""
    return any(_has_parents(store, shard) for shard in shards if shard.rows)


def _has_parents(store: Store, shard: Shard) -> bool:
    with store.open(shard.path) as file, pq.ParquetFile(file) as parquet:
        groups = [parquet.metadata.row_group(group) for group in range(parquet.num_row_groups)]
    for group in groups:
        for column in map(group.column, range(group.num_columns)):
            if column.path_in_schema == LEAF:
                said = column.statistics
                if said is None or said.null_count < column.num_values:
                    return True
    return False
