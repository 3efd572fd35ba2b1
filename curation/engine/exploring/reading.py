"""Two ways to read a version: its attributes as a table that DuckDB answers about, its records group by group."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curation.engine.exploring.attributes import ATTRIBUTES
from curation.engine.exploring.types import types_of
from curation.engine.store import GROUP_ROWS, Shard, Store

TABLE = "attributes"
Wanted = Callable[[int, int], bool]  # the position of the first row of a stretch, and how many rows it has


class Sheet:
    """
    The attribute shards of a version as the table `attributes` of a DuckDB connection.

    DuckDB reads local files itself. From another store it is given a stream of the columns that a question needs,
    which is as correct and slower.
    """

    def __init__(self, store: Store, shards: Sequence[Shard], connection: Any) -> None:
        self._store, self._connection = store, connection
        self._shards = [shard for shard in shards if shard.rows]
        self._starts = list(accumulate((shard.rows for shard in self._shards), initial=0))
        self._offered: list[Shard] | None = None
        schema = store.schema(self._shards[0]) if self._shards else ATTRIBUTES
        self._schema, self.types = schema, types_of(schema)

    @property
    def rows(self) -> int:
        return self._starts[-1]

    def ask(
        self, sql: str, values: Sequence[Any], columns: Iterable[str], among: Sequence[int] | None = None
    ) -> pa.Table:
        """The answer to a query over `attributes`; `among` are the only positions that it asks about."""
        return self.stream(sql, values, columns, among).read_all()

    def stream(
        self, sql: str, values: Sequence[Any], columns: Iterable[str], among: Sequence[int] | None = None
    ) -> pa.RecordBatchReader:
        self._offer(self._shards if among is None else self._holding(among), list(dict.fromkeys(columns)))
        return self._connection.execute(sql, list(values)).to_arrow_reader(100_000)

    def give(self, name: str, table: pa.Table) -> None:
        """A small table that queries may join with."""
        self._connection.register(name, table)

    def _holding(self, positions: Sequence[int]) -> list[Shard]:
        stretches = zip(self._shards, self._starts, strict=False)
        return [s for s, first in stretches if any(first <= at < first + s.rows for at in positions)]

    def _offer(self, shards: list[Shard], columns: list[str]) -> None:
        if self._store.local and shards:
            if shards != self._offered:
                files = [self._store.full(shard.path) for shard in shards]
                self._connection.read_parquet(files).create_view(TABLE, replace=True)
                self._offered = shards
            return
        schema = pa.schema([self._schema.field(name) for name in columns])
        batches = (batch.select(columns) for batch in self._store.batches(shards, columns))
        self._offered = None
        self._connection.register(TABLE, pa.RecordBatchReader.from_batches(schema, batches))


@contextmanager
def sheet(store: Store, shards: Sequence[Shard]) -> Iterator[Sheet]:
    with store.query() as connection:
        yield Sheet(store, shards, connection)


def quoted(column: str) -> str:
    """A column's name in a query."""
    return '"' + column.replace('"', '""') + '"'


def groups(
    store: Store, shards: Iterable[Shard], columns: list[str] | None, wanted: Wanted
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The wanted stretches of records, each with the position of its first row; others are not even decoded."""
    first = 0
    for shard in shards:
        if shard.rows and wanted(first, shard.rows):
            with store.open(shard.path) as file, pq.ParquetFile(file, pre_buffer=False) as parquet:
                yield from _groups_of(parquet, first, columns, wanted)
        first += shard.rows


def _groups_of(
    parquet: pq.ParquetFile, first: int, columns: list[str] | None, wanted: Wanted
) -> Iterator[tuple[int, pa.RecordBatch]]:
    for group in range(parquet.num_row_groups):
        rows = parquet.metadata.row_group(group).num_rows
        if wanted(first, rows):
            at = first
            for batch in parquet.iter_batches(
                GROUP_ROWS, row_groups=[group], columns=columns, use_threads=False
            ):
                yield at, batch
                at += batch.num_rows
        first += rows


def holding(positions: Collection[int]) -> Wanted:
    """Wants the stretches that hold one of these positions."""
    return lambda first, rows: any(first <= at < first + rows for at in positions)
