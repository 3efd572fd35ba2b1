"""
Export of rows of about 1 kB beside pyarrow copying the columns that the export reads, and peak memory at 1 and 4 times
the rows.

    python bench/export.py [--rows 1000000]

The export does what the parts of its run do, shard by shard: look which columns occur, what readers stumble over and
whose rows these are, write the rows of the profile, write the provenance; all with checksums, page indexes and
content-defined chunks. The copy reads the same columns in the same batches and writes them with the same compression
and nothing else. Each is a process of its own on one thread of pyarrow, over the same store; the copy runs before and
after, and its mean counts. Seconds are those of the processor, so that what else runs on the machine is of no matter.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from curation.engine.exporters import (  # noqa: E402
    PROFILES,
    Exporter,
    provenance,
    survey,
    write_parquet,
)
from curation.engine.exporting import models, own_licences  # noqa: E402
from curation.engine.records import SCHEMA, Content, Message, Record, record_id, to_batch  # noqa: E402
from curation.engine.store import SHARD_ROWS, Shard, ShardWriter, Store  # noqa: E402

RATIO = 0.5
GROWTH = 1.3
BATCH = 5_000
PROFILE = PROFILES["sft_messages"]


def make(folder: str, rows: int) -> None:
    """A version of conversations: shards, and a file that names them."""
    store, shards = Store(folder), []
    for number, start in enumerate(range(0, rows, SHARD_ROWS)):
        with ShardWriter(store, f"records-{number}.parquet", SCHEMA) as writer:
            for first in range(start, min(start + SHARD_ROWS, rows), BATCH):
                writer.write(to_batch(list(records(first, min(first + BATCH, rows)))))
        shards.append(vars_of(writer.close()))
    (Path(folder) / "shards.json").write_text(json.dumps(shards))


def vars_of(shard: Shard) -> dict[str, object]:
    return {"path": shard.path, "rows": shard.rows, "bytes": shard.bytes, "sha256": shard.sha256}


@cache
def bodies() -> list[str]:
    """Texts that no compressor has in its window twice."""
    pick = random.Random(7)
    words = [
        f"{a}{b}{c}"
        for a in "bdfglmprst"
        for b in ("a", "ei", "o", "u")
        for c in ("n", "rk", "ss", "t", "ll")
    ]
    return [" ".join(pick.choices(words, k=105)) for _ in range(20_011)]


def records(first: int, last: int) -> Iterator[Record]:
    texts = bodies()
    for i in range(first, last):
        ask, reply = texts[i % len(texts)], texts[i * 31 % len(texts)]
        content = Content((Message("user", f"{i} {ask}"), Message("assistant", reply)))
        yield Record(record_id("bench", str(i)), "bench", content)


def shards_of(folder: str) -> list[Shard]:
    return [Shard(**one) for one in json.loads((Path(folder) / "shards.json").read_text())]


def export(folder: str) -> None:
    store, shards = Store(folder), shards_of(folder)
    found: set[str] = set()
    for shard in shards:
        for batch in store.batches([shard]):
            found |= survey(PROFILE, batch).features
            pc.value_counts(batch.column("source"))
            own_licences(batch)
            models(batch)
    exporter = Exporter(PROFILE, frozenset(found))
    for number, shard in enumerate(shards):
        rows = (exporter.to_batch(batch)[0] for batch in store.batches([shard]))
        write_parquet(store.create(f"export-{number}.parquet"), rows, exporter.schema)
        columns = ["id", "source", "parents", "licence", "fingerprint"]
        origins = (
            provenance(batch, ["bench@1"], np.zeros(batch.num_rows, np.int32))
            for batch in store.batches([shard], columns)
        )
        write_parquet(store.create(f"origins-{number}.parquet"), origins, provenance_schema())


def provenance_schema() -> pa.Schema:
    return provenance(to_batch([]).slice(0, 0), ["bench@1"], np.zeros(0, np.int32)).schema


def copy(folder: str) -> None:
    store = Store(folder)
    for number, shard in enumerate(shards_of(folder)):
        batches = store.batches([shard], ["messages", "id"])
        schema = pa.schema([SCHEMA.field("messages"), SCHEMA.field("id")])
        with pq.ParquetWriter(f"{folder}/copy-{number}.parquet", schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch.select(schema.names))


def chunked(folder: str, on: bool) -> None:
    """The same rows as an export writes them, with or without content-defined chunks."""
    store = Store(folder)
    for number, shard in enumerate(shards_of(folder)):
        schema = pa.schema([SCHEMA.field("messages"), SCHEMA.field("id")])
        options = {"compression": "zstd", "write_page_index": True, "use_content_defined_chunking": on}
        with pq.ParquetWriter(f"{folder}/chunks-{number}.parquet", schema, **options) as writer:
            for batch in store.batches([shard], schema.names):
                writer.write_batch(batch.select(schema.names))


WAYS: dict[str, Callable[[str], None]] = {
    "export": export,
    "copy": copy,
    "with chunks": lambda folder: chunked(folder, True),
    "without chunks": lambda folder: chunked(folder, False),
}


def measured(way: str, folder: str) -> dict[str, float]:
    """Seconds and peak MB of one way in a process of its own."""
    command = [sys.executable, __file__, "--way", way, "--folder", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{way} failed: {done.stderr}")
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def alone(way: str, folder: str) -> None:
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    start = time.process_time()
    WAYS[way](folder)
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(json.dumps({"seconds": seconds, "peak": peak}))


def compare(rows: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        make(folder, rows)
        before, ours, after = measured("copy", folder), measured("export", folder), measured("copy", folder)
        copied = (before["seconds"] + after["seconds"]) / 2
        with_chunks, without = (measured(f"{way} chunks", folder)["seconds"] for way in ("with", "without"))
    print(
        f"{rows:>10,} rows: export {rows / ours['seconds']:>9,.0f} rows/s ({ours['peak']:,.0f} MB), pyarrow copy "
        f"{rows / copied:>9,.0f} rows/s, ratio {copied / ours['seconds']:.2f}; chunking by content costs "
        f"{with_chunks / without:.2f} × the time of writing"
    )
    return {"ratio": copied / ours["seconds"], "peak": ours["peak"]}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--folder")
    given = parser.parse_args()
    if given.way:
        alone(given.way, given.folder)
        return 0
    quarter, whole = compare(given.rows // 4), compare(given.rows)
    bars = {
        f"at least {RATIO} of pyarrow copying the same columns": whole["ratio"] >= RATIO,
        f"memory of 4 × the rows below {GROWTH} ×": whole["peak"] < GROWTH * quarter["peak"],
    }
    for bar, held in bars.items():
        print(f"{'pass' if held else 'FAIL'}  {bar}")
    return 0 if all(bars.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
