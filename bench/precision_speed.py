"""
How fast is the default profile with its judgement, end to end on one core, and what memory does it need?

    python bench/precision_speed.py [--rows 40000] [--repeats 3]

Real text is what the bar is asked of. The corpus of ngram_scan.py with its planted items stands beside it as the worst
case: random words, so that there is a chance match for every row, each of which is judged. A scan is what a run does: a
sample of the source, then matching and judging batch by batch, from zstd Parquet. Prints MB/s (MB = 10^6 UTF-8 bytes of
text scanned; seconds of processor time, so that neighbours do not count), the seconds of each stage, and peak memory at
one and four times the rows; exits with 1 when a bar or a check fails.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import ngram_scan as shared
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from quality.data import Real

from decontam.engine.background import LARGEST_SAMPLE
from decontam.engine.detecting import Detector
from decontam.engine.precision import Precision

SCALES = (1, 4)
REAL, TIMES = "t0_train_50k", 4
BAR = 50.0


def sampled(path: Path) -> Any:
    """Rows from all over the file, as many from each row group; copied, as a slice would keep the whole group."""
    file = pq.ParquetFile(path, pre_buffer=False)
    each = -(-LARGEST_SAMPLE // file.num_row_groups)
    groups = (file.read_row_group(k, columns=["text"]).column(0) for k in range(file.num_row_groups))
    some = [group.take(pa.array(range(min(len(group), each)))) for group in groups]
    return pa.chunked_array([chunk for column in some for chunk in column.chunks])


def judged(detector: Detector, path: Path, spent: dict[str, float]) -> Iterator[Any]:
    """The matches of a file with their judgement, batch by batch; `spent` gains the seconds of each stage."""
    begin = time.process_time()
    precision = Precision(detector, Precision.sample(detector, sampled(path)))
    begin = _spent(spent, "sample", begin)
    first = 0
    for texts in shared.batches(path, "text"):
        begin = _spent(spent, "read", begin)
        found = detector.scan(texts)
        begin = _spent(spent, "scan", begin)
        table = precision.judge(found, texts)
        yield table.set_column(0, "row", pc.add(table["row"], first))
        first += len(texts)
        begin = _spent(spent, "judge", begin)


def _spent(spent: dict[str, float], name: str, begin: float) -> float:
    now = time.process_time()
    spent[name] = spent.get(name, 0.0) + now - begin
    return now


def measure(
    benchmarks: dict[str, list[str]], rows: list[str], folder: Path, repeats: int
) -> tuple[float, Any]:
    """Prints what these rows take; returns MB/s and what was found in them."""
    path = folder / "rows.parquet"
    shared.write(path, rows)
    size = sum(len(text.encode()) for text in rows) / 1e6
    begin = time.process_time()
    detector = Detector.build(benchmarks)
    built = time.process_time() - begin
    detector.scan(rows[:10])
    best, stages, found = float("inf"), {}, pa.table({})
    for _ in range(repeats):
        spent: dict[str, float] = {}
        begin = time.process_time()
        found = pa.concat_tables(judged(detector, path, spent))
        if (taken := time.process_time() - begin) < best:
            best, stages = taken, spent
    items = sum(map(len, benchmarks.values()))
    print(
        f"\n{size:.1f} MB in {len(rows)} rows against {items} items, index in {built:.1f} s, best of {repeats}"
    )
    print("seconds: " + ", ".join(f"{name} {seconds:.2f}" for name, seconds in stages.items()))
    matching = sum(stages.values()) - stages["sample"]
    print(f"{len(found)} matches; without the sample, which is of one size: {size / matching:.0f} MB/s")
    print(f"{size / best:.0f} MB/s with it, {len(found) / best:.0f} matches judged a second")
    return size / best, found


def check(corpus: shared.Corpus, found: Any, report: shared.Report) -> None:
    counting = found.filter(pc.equal(found["suppressed"], ""))
    flagged = set(zip(counting["row"].to_pylist(), counting["item"].to_pylist(), strict=True))
    whole = {pair for pair, score in corpus.expected.items() if score == 1}
    report.bar(
        "every item planted whole is flagged", f"{len(whole & flagged)} of {len(whole)}", whole <= flagged
    )
    wrong = {pair for pair in flagged if pair not in corpus.expected}
    print(f"        flagged beside what was planted: {len(wrong)} pairs")


def child(path: Path) -> None:
    """Scan and judge one file in this process; print seconds, peak memory and matches."""
    shared.one_core()
    items = pq.read_table(path.parent / "items.parquet")["text"]
    detector = Detector.build({"bench": items})
    begin = time.process_time()
    found = sum(len(table) for table in judged(detector, path, {}))
    print(time.process_time() - begin, shared.memory("VmHWM"), found)


def grow(corpus: shared.Corpus, folder: Path, report: shared.Report) -> None:
    shared.write(folder / "items.parquet", corpus.items)
    peaks = {}
    print(f"\n{'rows':>10}{'seconds':>10}{'peak MB':>10}{'matches':>10}")
    for scale in SCALES:
        path = folder / f"rows{scale}.parquet"
        shared.write(path, corpus.rows, scale)
        command = [sys.executable, __file__, "--child", str(path)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        peaks[scale] = float(said[1])
        print(f"{scale * len(corpus.rows):>10}{float(said[0]):>10.2f}{peaks[scale]:>10.0f}{said[2]:>10}")
    growth = peaks[SCALES[-1]] / peaks[1]
    report.bar("memory is flat (peak, 4× beside 1×)", f"{growth:.2f}", growth <= 1.1)


def main() -> int:
    options = shared.parsed(__doc__)
    if options.child:
        child(options.child)
        return 0
    shared.one_core()
    report = shared.Report()
    corpus = shared.synthesise(options.rows)
    with tempfile.TemporaryDirectory() as name:
        _, found = measure({"bench": corpus.items}, corpus.rows, Path(name), options.repeats)
        check(corpus, found, report)
        if real := Real.found():
            rows = TIMES * real.corpus(REAL)
            speed, _ = measure(real.benchmarks, rows, Path(name), options.repeats)
            named = f"real text, default profile, sampled and judged, ≥ {BAR:.0f} MB/s on one core"
            report.bar(named, f"{speed:.0f} MB/s", speed >= BAR)
        else:
            print("real text and its bar are left out: the shared public data is absent (WINNOW_REALDATA)")
        grow(corpus, Path(name), report)
    return int(report.failed)


if __name__ == "__main__":
    sys.exit(main())
