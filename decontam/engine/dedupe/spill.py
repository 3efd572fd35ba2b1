"""DuckDB within bounds: one thread, so much memory, and a folder for the rest."""

import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

import duckdb
import pyarrow as pa

MEMORY = "256MB"
BATCH = 20_000


class Spill:
    """A database that outgrows its memory limit into a folder of its own; both are gone at the end of the block."""

    def __init__(self, memory: str = MEMORY) -> None:
        self._folder = tempfile.TemporaryDirectory()
        limits = {"threads": 1, "memory_limit": memory, "temp_directory": self._folder.name}
        self._database = duckdb.connect(config=limits | {"preserve_insertion_order": False})

    def load(self, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch], query: str) -> None:
        """
        Make table `name` of what `query` selects FROM given, which is a batch at a time.

        A reader would be pulled by a thread of Arrow's, where whoever makes the batches may have no database.
        """
        self._given(schema.empty_table(), f"CREATE TEMP TABLE {name} AS {query}")
        for batch in batches:
            self._given(pa.Table.from_batches([batch]), f"INSERT INTO {name} ({query})")

    def _given(self, table: pa.Table, query: str) -> None:
        self._database.register("given", table)
        self._database.execute(query)
        self._database.unregister("given")

    def run(self, query: str, parameters: Any = None) -> None:
        self._database.execute(query, parameters)

    def batches(
        self, query: str, schema: pa.Schema, parameters: Any = None, rows: int = BATCH
    ) -> Iterator[pa.RecordBatch]:
        """What a query finds, as batches of a schema with the same columns."""
        for batch in self._database.execute(query, parameters).to_arrow_reader(rows):
            yield batch.cast(schema)

    def value(self, query: str, parameters: Any = None) -> Any:
        """The one value that a query finds."""
        return self._database.execute(query, parameters).fetchall()[0][0]

    def rows(self, query: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._database.execute(query, parameters).fetchall()
        return found

    def __enter__(self) -> "Spill":
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()
        self._folder.cleanup()
