"""
Rows of a version that are numbered from 1 in the order in which they lie: any of them in constant time.

The manifest says which shard has a number and the footer of the shard says which row group, so a row costs the
reading of one row group, wherever it is. The groups that were read last are kept, by process.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import accumulate, groupby
from threading import Lock
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curation.engine.errors import BadInput
from curation.engine.store import Shard, Store

MOST_GROUPS = 16
MOST_BYTES = 128 << 20
MOST_FOOTERS = 512


class Kept:
    """What was used last, by key, within `entries` and, by the sizes that were told, within `most`. Thread-safe."""

    def __init__(self, entries: int, most: int) -> None:
        self._entries, self._most, self._held = entries, most, 0
        self._values: OrderedDict[Any, tuple[Any, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Any) -> Any:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key][0]
        return None

    def put(self, key: Any, value: Any, size: int = 0) -> Any:
        """The value again. What is larger than all that may be held is not kept."""
        with self._lock:
            self._drop(key)
            if size <= self._most:
                self._values[key] = value, size
                self._held += size
            while len(self._values) > self._entries or self._held > self._most:
                self._drop(next(iter(self._values)))
        return value

    def _drop(self, key: Any) -> None:
        if key in self._values:
            self._held -= self._values.pop(key)[1]

    def __len__(self) -> int:
        return len(self._values)


_groups, _footers = Kept(MOST_GROUPS, MOST_BYTES), Kept(MOST_FOOTERS, 0)


class Numbered:
    """Reads by number; `shards` are those of one version, in order."""

    def __init__(self, store: Store, shards: Sequence[Shard]) -> None:
        self._store = store
        self._shards = [shard for shard in shards if shard.rows]
        self._ends = list(accumulate(shard.rows for shard in self._shards))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def row(self, number: int) -> dict[str, Any]:
        """BadInput when there is no row of that number."""
        return self.rows([number])[0]

    def rows(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """The rows of these numbers, which must ascend."""
        return [row for table in self.tables(numbers) for row in table.to_pylist()]

    def tables(self, numbers: Sequence[int], columns: list[str] | None = None) -> Iterable[pa.Table]:
        """The same, as one table per row group that has some of them."""
        for (shard, group, start), some in groupby(numbers, self._place):
            table = self._group(shard, group) if columns is None else self._read(shard, group, columns)
            yield table.take(pa.array([number - start for number in some]))

    def _place(self, number: int) -> tuple[Shard, int, int]:
        """Shard, row group in it, and the number of the group's first row."""
        if not 1 <= number <= len(self):
            raise BadInput(f"There is no number {number:,} here; numbers go from 1 to {len(self):,}.")
        at = bisect_left(self._ends, number)
        shard, before = self._shards[at], self._ends[at] - self._shards[at].rows
        starts = self._starts(shard)
        group = bisect_left(starts, number - before) - 1
        return shard, group, before + starts[group] + 1

    def _starts(self, shard: Shard) -> list[int]:
        """How many rows lie before each row group of a shard, and how many there are."""
        key = self._store.full(shard.path)
        if (starts := _footers.get(key)) is None:
            with self._store.open(shard.path) as file, pq.ParquetFile(file) as parquet:
                groups = range(parquet.num_row_groups)
                rows = [parquet.metadata.row_group(group).num_rows for group in groups]
            starts = _footers.put(key, list(accumulate(rows, initial=0)))
        return starts  # type: ignore[no-any-return]

    def _group(self, shard: Shard, group: int) -> pa.Table:
        key = self._store.full(shard.path), group
        if (table := _groups.get(key)) is None:
            table = self._read(shard, group, None)
            _groups.put(key, table, table.nbytes)
        return table

    def _read(self, shard: Shard, group: int, columns: list[str] | None) -> pa.Table:
        with self._store.open(shard.path) as file, pq.ParquetFile(file, pre_buffer=False) as parquet:
            return parquet.read_row_group(group, columns=columns, use_threads=False)
