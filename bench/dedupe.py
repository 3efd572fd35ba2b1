"""
Deduplicate a million documents of 1 kB on two cores: how long, how much memory, and is everything found?

    python bench/dedupe.py [--rows 1000000]

Documents are synthesised from a seed, in Parquet files of 50,000 rows; among them 5 % planted near-duplicates (three
of 165 words replaced), 5 % exact copies with other case and white space, and one text that 2 % of the rows repeat.
A child process reads the files a batch at a time; its peak memory is what counts, for a quarter of the rows and for
all of them. Exits with 1 when a bar or a check fails.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from ngram_scan import Report, Writer, memory

from decontam.engine.dedupe import DedupeConfig, deduplicate_shards
from decontam.engine.dedupe.library import ROW

SEED, SHARD, GROUP, WORDS, KNOWN = 20_261_121, 50_000, 5_000, 165, 1000
NEAR, EXACT, SAME = 1, 2, 3
REPLACED = [30, 80, 130]  # 146 of 176 shingles are left in common: 0.83


class Documents:
    """Shards of rows. What row k is stands in `kinds`; a planted copy is of a row up to KNOWN rows before it."""

    def __init__(self, seed: int) -> None:
        self.vocabulary = pa.array(np.unique(Writer(seed).plain.astype(str)))
        self.numbers = np.random.default_rng(seed)

    def shard(self, first: int, count: int) -> tuple[pa.Table, np.ndarray, np.ndarray]:
        """Rows, their kinds, and for each copy the row that it copies, else itself."""
        words = self.numbers.integers(0, len(self.vocabulary), (count, WORDS), np.int32)
        kinds = self.numbers.choice([0, NEAR, EXACT, SAME], count, p=[0.88, 0.05, 0.05, 0.02])
        kinds[:KNOWN] = 0
        of = np.arange(count)
        fresh = np.flatnonzero(kinds == 0)
        for row in np.flatnonzero((kinds == NEAR) | (kinds == EXACT)):
            before = fresh[: np.searchsorted(fresh, row)]
            of[row] = before[-1 - self.numbers.integers(0, min(KNOWN, len(before)))]
            words[row] = words[of[row]]
            if kinds[row] == NEAR:
                words[row, REPLACED] = self.numbers.integers(0, len(self.vocabulary), len(REPLACED))
        words[kinds == SAME] = np.arange(WORDS)
        texts = self._texts(words, kinds)
        ids = pa.array(np.arange(first, first + count)).cast(pa.string())
        sources = pa.array(["one", "two"]).take(pa.array(np.arange(count) % 2))
        table = pa.Table.from_arrays([texts, ids, sources, pa.array(np.zeros(count))], schema=ROW)
        return table, kinds, of + first

    def _texts(self, words: np.ndarray, kinds: np.ndarray) -> pa.Array:
        offsets = pa.array(np.arange(0, words.size + 1, words.shape[1], dtype=np.int64))
        lists = pa.LargeListArray.from_arrays(
            offsets, self.vocabulary.take(pa.array(words.ravel())).cast(pa.large_string())
        )
        plain, wide = (pc.binary_join(lists, pa.scalar(space, pa.large_string())) for space in (" ", " \n "))
        return pc.if_else(pa.array(kinds == EXACT), pc.utf8_upper(wide), plain)


def write(folder: Path, rows: int) -> tuple[dict[int, int], int]:
    """Each planted copy and the row it copies, and how often the one text is there."""
    documents, planted, repeated = Documents(SEED), {}, 0
    for first in range(0, rows, SHARD):
        table, kinds, of = documents.shard(first, min(SHARD, rows - first))
        pq.write_table(table, folder / f"{first:09}.parquet", row_group_size=GROUP, compression="zstd")
        copies = np.flatnonzero((kinds == NEAR) | (kinds == EXACT))
        planted.update(zip((copies + first).tolist(), of[copies].tolist(), strict=True))
        repeated += int((kinds == SAME).sum())
    return planted, repeated


def batches(path: Path) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path, pre_buffer=False) as file:
        for group in range(file.num_row_groups):
            yield from file.iter_batches(GROUP, row_groups=[group], use_threads=False)


def child(folder: Path, rows: int) -> None:
    """Deduplicate the first rows of a folder in this process; print seconds and peak memory, write what was found."""
    files = sorted(folder.glob("0*.parquet"))[: -(-rows // SHARD)]
    begin = time.perf_counter()
    found = deduplicate_shards([lambda path=path: batches(path) for path in files], DedupeConfig())
    print(time.perf_counter() - begin, memory("VmHWM"))
    pq.write_table(
        found.removed.select(["position", "kept_id", "similarity", "method"]), folder / "found.parquet"
    )


def run(folder: Path, rows: int) -> tuple[float, float]:
    command = [sys.executable, __file__, "--child", str(folder), "--rows", str(rows)]
    seconds, peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(seconds), float(peak)


def check(folder: Path, planted: dict[int, int], repeated: int, report: Report) -> None:
    found = pq.read_table(folder / "found.parquet")
    kept = dict(zip(found["position"].to_pylist(), map(int, found["kept_id"].to_pylist()), strict=True))
    right = sum(kept.get(row) == original for row, original in planted.items())
    report.bar(
        "planted duplicates found, with the row they copy",
        f"{right:,} of {len(planted):,}",
        right == len(planted),
    )
    same = sum(1 for row in kept if row not in planted)
    report.bar(
        "one text repeated: all but one row go, and nothing else",
        f"{same:,} of {repeated:,}",
        same == repeated - 1,
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.rows)
        return 0
    report = Report()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        begin = time.perf_counter()
        planted, repeated = write(folder, options.rows)
        size = sum(path.stat().st_size for path in folder.glob("0*.parquet")) / 1e6
        print(
            f"{options.rows:,} documents written in {time.perf_counter() - begin:.0f} s, {size:.0f} MB of Parquet"
        )
        run(folder, SHARD)  # compiles the kernels
        few, some = run(folder, options.rows // 4)
        many, most = run(folder, options.rows)
        print(f"{'rows':>12}{'seconds':>10}{'peak MB':>10}")
        for rows, seconds, peak in ((options.rows // 4, few, some), (options.rows, many, most)):
            print(f"{rows:>12,}{seconds:>10.1f}{peak:>10.0f}")
        report.bar(
            "peak memory of four times the rows ≤ 1.75 times", f"{most / some:.2f}", most <= 1.75 * some
        )
        report.bar("peak memory ≤ 800 MB", f"{most:.0f} MB", most <= 800)
        check(folder, planted, repeated, report)
    return int(report.failed)


if __name__ == "__main__":
    sys.exit(main())
