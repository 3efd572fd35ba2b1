"""All stages in one call, for notebooks; what a job does part by part, in a folder that is gone afterwards."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.errors import BadInput
from curation.engine.store import GROUP_ROWS, SHARD_ROWS, Shard, Store
from decontam.engine.dedupe.config import DedupeConfig, Keep
from decontam.engine.dedupe.ordering import ROWS, order
from decontam.engine.dedupe.pairing import NEEDED, PAIRS, Pairs, band_ranges, candidates
from decontam.engine.dedupe.resolving import CLUSTERS, KEPT_MAP, NAMED, Resolution, settle
from decontam.engine.dedupe.signing import sign_texts, signed_schema
from decontam.engine.dedupe.spill import MEMORY
from decontam.engine.dedupe.verifying import EDGES, TEXTS, needed_texts, verify
from decontam.engine.signatures import as_one

PAIRS_A_PART = 1_000_000
ROW = pa.schema(
    [("text", pa.large_string()), ("id", pa.string()), ("source", pa.string()), ("merit", pa.float64())]
)
Rows: TypeAlias = Callable[[], Iterable[pa.RecordBatch]]  # reads a shard from its start, as batches of ROW


@dataclass(frozen=True, slots=True)
class Deduplicated:
    """`kept` are positions in what was given, ascending; the tables are described in `resolving`."""

    kept: np.ndarray[Any, Any]
    clusters: pa.Table
    removed: pa.Table
    facts: dict[str, Any]


def deduplicate(
    texts: Any,
    ids: Sequence[str] | None = None,
    sources: Sequence[str] | None = None,
    config: DedupeConfig | None = None,
    *,
    merit: Sequence[float] | None = None,
    reference: int = 0,
    memory: str = MEMORY,
) -> Deduplicated:
    """
    Find the duplicates among texts: a list of str, or a pyarrow array. `ids` are their numbers unless given; of the
    first `reference` texts none goes unless the config says so. `merit` is what `keep` goes by ("longest" aside).
    """
    config, texts = config or DedupeConfig(), as_one(texts)
    table = pa.Table.from_arrays(_columns(texts, ids, sources, merit, config), schema=ROW)
    edges = sorted({0, reference, len(texts), *range(0, len(texts), SHARD_ROWS)})
    cuts = [table.slice(first, last - first) for first, last in pairwise(edges)]
    shards = [lambda cut=cut: cut.to_batches(max_chunksize=GROUP_ROWS) for cut in cuts]
    return deduplicate_shards(shards, config, reference=edges.index(reference), memory=memory)


def _columns(texts: pa.Array, ids: Any, sources: Any, merit: Any, config: DedupeConfig) -> list[Any]:
    count = len(texts)
    given = {
        "texts": texts,
        "ids": pa.array(map(str, range(count)) if ids is None else ids, pa.string()),
        "sources": pa.array([""] * count if sources is None else sources, pa.string()),
        "merits": pa.array(np.zeros(count) if merit is None else np.asarray(merit, np.float64)),
    }
    if config.keep == Keep.LONGEST:
        given["merits"] = pc.utf8_length(texts).cast(pa.float64())
    for name, column in given.items():
        if len(column) != count:
            raise BadInput(f"There are {len(column):,} {name} for {count:,} texts.")
    return list(given.values())


def deduplicate_shards(
    shards: Sequence[Rows], config: DedupeConfig, *, reference: int = 0, memory: str = MEMORY
) -> Deduplicated:
    """
    The same for more rows than fit into memory: each shard is a function that reads its rows, twice at most and a
    batch at a time. The first `reference` shards are the reference.
    """
    with tempfile.TemporaryDirectory() as folder:
        work = _Work(Store(folder), shards, config, memory)
        work.sign(reference)
        work.find()
        return work.resolve()


@dataclass(slots=True)
class _Work:
    """The stages, over files of a folder."""

    store: Store
    shards: Sequence[Rows]
    config: DedupeConfig
    memory: str
    reference: int = 0
    firsts: list[int] = field(default_factory=lambda: [0])
    files: dict[str, list[Shard]] = field(default_factory=dict)

    def write(self, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
        files = self.files.setdefault(name, [])
        with self.store.writer(f"{name}/{len(files)}.parquet", schema) as writer:
            for batch in batches:
                writer.write(batch)
        files.append(writer.close())

    def read(self, name: str, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        return self.store.batches(self.files.get(name, []), columns)

    @property
    def rows(self) -> int:
        return self.firsts[-1]

    def sign(self, reference: int) -> None:
        for number, shard in enumerate(self.shards):
            self.write("signed", signed_schema(self.config), self._signed(shard, number < reference))
            self.firsts.append(self.rows + self.files["signed"][-1].rows)
        self.reference = self.firsts[reference]
        self.write("rows", ROWS, order(self.read("signed"), self.memory))

    def _signed(self, shard: Rows, reference: bool) -> Iterator[pa.RecordBatch]:
        first = self.rows
        for batch in shard():
            text, name, source, merit = (batch.column(column) for column in ROW.names)
            yield sign_texts(text, name, source, merit, first, self.config, reference=reference)
            first += len(batch)

    def find(self) -> None:
        """Both passes; what the first one removes, the second does not look at."""
        if self.config.near:
            self._pass("first", None)
            gone = settle(self.read("edges"), self.rows, self.reference, self.config, self.memory)
            self._pass("second", gone)

    def _pass(self, name: str, gone: pa.Table | None) -> None:
        for bands in band_ranges(self.config):
            found = candidates(
                self.read("signed"), self.read("rows"), bands, self.config,
                reference=self.reference, gone=None if gone is None else gone.to_batches(), memory=self.memory,
            )  # fmt: skip
            self.write(f"found-{name}", PAIRS, found)
        with Pairs(self.read(f"found-{name}"), self.read("rows"), self.read("pairs"), self.memory) as pairs:
            parts = -(-len(pairs) // PAIRS_A_PART)
            for number, shard in enumerate(self.shards):
                self.write(f"texts-{name}", TEXTS, self._needed(pairs, number, shard))
            for part in range(parts):
                self.write("pairs", PAIRS, pairs.part(part, parts))
                checked = verify(pairs.part(part, parts), self.read(f"texts-{name}"), self.config)
                self.write("edges", EDGES, checked)

    def _needed(self, pairs: Pairs, number: int, shard: Rows) -> Iterator[pa.RecordBatch]:
        wanted = pa.Table.from_batches(pairs.needed(*self.firsts[number : number + 2]), NEEDED)
        first = self.firsts[number]
        for batch in shard() if len(wanted) else ():
            yield needed_texts(batch.column("text"), first, wanted)
            first += len(batch)

    def resolve(self) -> Deduplicated:
        edges, rows, signed = self.read("edges"), self.read("rows"), self.read("signed", NAMED)
        with Resolution(edges, rows, signed, self.reference, self.config, self.memory) as found:
            clusters = pa.Table.from_batches(found.clusters(), CLUSTERS)
            removed = pa.Table.from_batches(found.removed(0, self.rows), KEPT_MAP)
            facts = found.facts()
        stays = np.ones(self.rows, bool)
        stays[removed.column("position").to_numpy()] = False
        return Deduplicated(np.flatnonzero(stays), clusters, removed, facts)
