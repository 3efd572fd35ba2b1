"""
Immutable Parquet datasets in a folder or a bucket.

A run writes below a folder of its own and nothing there is ever renamed: shards first, then the manifest that lists
them, and the caller's database row makes the whole visible. Whatever has no row is litter for `sweep`.
All paths in this module are relative to the root of the store, with forward slashes.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import fsspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.engine.errors import BadInput

GROUP_ROWS = 10_000
GROUP_BYTES = 64 << 20
SHARD_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Shard:
    """One Parquet file: where it is, its rows, its bytes, and the sha256 of these bytes."""

    path: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a version consists of. Equal contents have an equal `content_hash`, wherever they lie."""

    columns: dict[str, str]
    shards: tuple[Shard, ...]
    pyarrow: str = pa.__version__

    @property
    def rows(self) -> int:
        return sum(shard.rows for shard in self.shards)

    @property
    def bytes(self) -> int:
        return sum(shard.bytes for shard in self.shards)

    @property
    def content_hash(self) -> str:
        contents = [self.columns, [(shard.rows, shard.sha256) for shard in self.shards]]
        return hashlib.sha256(json.dumps(contents).encode()).hexdigest()

    def to_json(self) -> str:
        return json.dumps(asdict(self) | {"content_hash": self.content_hash}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Manifest":
        data = json.loads(text)
        return cls(data["columns"], tuple(Shard(**shard) for shard in data["shards"]), data["pyarrow"])


def manifest(schema: pa.Schema, shards: Iterable[Shard]) -> Manifest:
    return Manifest({field.name: str(field.type) for field in schema}, tuple(shards))


class HashingFile:
    """A file that is being written and hashed in one pass; pyarrow and json writers take it as it is."""

    def __init__(self, raw: BinaryIO, *, local: bool = False) -> None:
        self._raw, self._local, self._hash, self.bytes = raw, local, hashlib.sha256(), 0
        self.closed = False

    def write(self, data: Any) -> int:
        self._hash.update(data)
        self.bytes += memoryview(data).nbytes
        return self._raw.write(data)

    def tell(self) -> int:
        return self.bytes

    def flush(self) -> None:
        self._raw.flush()

    def close(self) -> None:
        """On a local disk the bytes are there before anybody is told of them."""
        if not self.closed:
            self.closed = True
            self._raw.flush()
            if hasattr(self._raw, "fileno") and self._local:
                os.fsync(self._raw.fileno())
            self._raw.close()

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


class ShardWriter:
    """
    Writes one shard. Row groups are cut at 10,000 rows, or at the first batch border past 64 MiB: equal rows in equal
    batches are equal bytes, and short rows are so in any batches.
    """

    def __init__(self, store: "Store", path: str, schema: pa.Schema) -> None:
        self.path, self.rows = path, 0
        self._file = store.create(path)
        bloom = {"id": {"ndv": SHARD_ROWS, "fpp": 0.01}} if "id" in schema.names else None
        self._writer = pq.ParquetWriter(
            self._file, schema, compression="zstd", write_page_index=True, bloom_filter_options=bloom
        )
        self._schema = schema
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = self._waiting_bytes = 0

    def write(self, batch: pa.RecordBatch) -> None:
        while batch.num_rows:
            head = batch.slice(0, GROUP_ROWS - self._waiting_rows)
            batch = batch.slice(head.num_rows)
            self._waiting.append(head)
            self._waiting_rows += head.num_rows
            self._waiting_bytes += head.nbytes
            self.rows += head.num_rows
            if self._waiting_rows == GROUP_ROWS or self._waiting_bytes >= GROUP_BYTES:
                self._cut()

    def _cut(self) -> None:
        if self._waiting_rows:
            group = pa.Table.from_batches(self._waiting, self._schema).combine_chunks()
            self._writer.write_table(group, row_group_size=GROUP_ROWS)
        self._waiting, self._waiting_rows, self._waiting_bytes = [], 0, 0

    def close(self) -> Shard:
        self._cut()
        self._writer.close()
        self._file.close()
        return Shard(self.path, self.rows, self._file.bytes, self._file.sha256)

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            with suppress(Exception):  # the file is litter already; pyarrow only has to let go of it
                self._writer.close()
            self._file.close()


class Store:
    """A local folder or any fsspec URL. Thread-safe; holds no open files."""

    def __init__(self, url: str) -> None:
        self.fs, self.root = fsspec.core.url_to_fs(url, use_listings_cache=False)
        self.local = "file" in (
            self.fs.protocol if isinstance(self.fs.protocol, tuple) else (self.fs.protocol,)
        )

    def full(self, path: str) -> str:
        return f"{self.root}/{path}"

    def create(self, path: str) -> HashingFile:
        if self.local:
            Path(self.full(path)).parent.mkdir(parents=True, exist_ok=True)
        return HashingFile(self.fs.open(self.full(path), "wb"), local=self.local)

    def open(self, path: str) -> Any:
        try:
            return self.fs.open(self.full(path), "rb")
        except FileNotFoundError:
            raise BadInput(
                f"{path} is missing from the store; `manage.py verify` lists what else is."
            ) from None

    def put(self, path: str, text: str) -> Shard:
        """Write a small text file; returns its size and hash (rows is 0)."""
        file = self.create(path)
        file.write(text.encode())
        file.close()
        return Shard(path, 0, file.bytes, file.sha256)

    def get(self, path: str) -> str:
        with self.open(path) as file:
            return str(file.read().decode())

    def copy(self, source: str, target: str) -> None:
        """The same bytes under another name, without writing them again where the disk can do so."""
        if not self.local:
            self.fs.copy(self.full(source), self.full(target))
            return
        Path(self.full(target)).parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(self.full(source), self.full(target))
        except OSError:
            shutil.copyfile(self.full(source), self.full(target))

    def remove(self, folder: str) -> None:
        """Remove a folder and all below it; no error when it is not there."""
        if self.fs.exists(self.full(folder)):
            self.fs.rm(self.full(folder), recursive=True)

    def folders(self, below: str = "") -> list[str]:
        """Names of the folders (and files) directly below one."""
        place = self.full(below) if below else self.root
        if not self.fs.exists(place):
            return []
        return sorted(str(path).rstrip("/").rsplit("/", 1)[-1] for path in self.fs.ls(place, detail=False))

    def writer(self, path: str, schema: pa.Schema) -> ShardWriter:
        return ShardWriter(self, path, schema)

    def publish(self, path: str, schema: pa.Schema, shards: Iterable[Shard]) -> Manifest:
        """Write the manifest, the last file of a version."""
        made = manifest(schema, shards)
        self.put(path, made.to_json())
        return made

    def manifest(self, path: str) -> Manifest:
        return Manifest.from_json(self.get(path))

    def batches(
        self, shards: Iterable[Shard], columns: list[str] | None = None, rows: int = GROUP_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """The rows of some shards in order, in batches that never cross a row group."""
        for shard in shards:
            with self.open(shard.path) as file, pq.ParquetFile(file, pre_buffer=False) as parquet:
                for group in range(parquet.num_row_groups):
                    yield from parquet.iter_batches(
                        batch_size=rows, row_groups=[group], columns=columns, use_threads=False
                    )

    def find(
        self, shards: Iterable[Shard], record_id: str, columns: list[str] | None = None
    ) -> dict[str, Any] | None:
        """The row of that id, or None. The bloom filters on `id` pass over most row groups unread."""
        files = [self.full(shard.path) for shard in shards if shard.rows]
        if not files:
            return None
        if not self.local:
            return self._search(shards, record_id, columns)
        chosen = ", ".join(f'"{name}"' for name in columns) if columns else "*"
        with self.query() as connection:
            query = f"SELECT {chosen} FROM read_parquet(?) WHERE id = ? LIMIT 1"
            rows = connection.execute(query, [files, record_id]).to_arrow_table().to_pylist()
        return rows[0] if rows else None

    def _search(
        self, shards: Iterable[Shard], record_id: str, columns: list[str] | None
    ) -> dict[str, Any] | None:
        for batch in self.batches(shards, None if columns is None else [*columns, "id"]):
            if rows := batch.filter(pc.equal(batch.column("id"), record_id)).to_pylist():
                return rows[0]  # type: ignore[no-any-return]
        return None

    def query(self) -> Any:
        """A DuckDB connection that can read this store and nothing else."""
        connection = duckdb.connect(config={"threads": 1, "memory_limit": "1GB"})
        root = self.root.replace("'", "''")
        connection.execute(f"SET allowed_directories = ['{root}']")
        connection.execute("SET enable_external_access = false; SET lock_configuration = true")
        return connection

    def schema(self, shard: Shard) -> pa.Schema:
        with self.open(shard.path) as file, pq.ParquetFile(file) as parquet:
            return parquet.schema_arrow

    def damaged(self, shard: Shard) -> str | None:
        """Re-hash a shard; a sentence when it is not what its manifest says."""
        if not self.fs.exists(self.full(shard.path)):
            return f"{shard.path} is missing"
        digest, size = hashlib.sha256(), 0
        with self.open(shard.path) as file:
            while block := file.read(1 << 20):
                digest.update(block)
                size += len(block)
        if digest.hexdigest() != shard.sha256:
            return (
                f"{shard.path} has {size:,} bytes and another hash than when it was written ({shard.bytes:,})"
            )
        return None
