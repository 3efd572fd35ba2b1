"""
How fast is the n-gram scan, beside its peers and its limits, in one run on one core?

    python bench/ngram_scan.py [--rows 40000] [--repeats 3]

Prints MB/s (MB = 10^6 UTF-8 bytes of text scanned), checks every planted match, and exits with 1 when a bar or a
check fails. Text is synthesised from a seed: words by Zipf's law with digits, underscores and apostrophes, 5 % of
the rows mostly not ASCII, single such characters all over, 1 % of the rows planted. Peers that are not installed
are named and left out.
"""

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from decontam.engine import BenchmarkIndex, NgramConfig

ITEMS, GROUP, SEED, N = 60_000, 10_000, 20_241_122, 8
SCALES = (1, 4, 16)
split = re.compile(r"\w+").findall
Texts = Iterator[Any]


class Writer:
    """Deterministic prose: the same seed gives the same rows."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        letters, odd = (
            "etaoinshrdlucmfwypvbgk",
            ["don't", "user_id", "3.14", "it's", "x_1", "2024", "—", "café", "naïve", "“so”"],
        )
        plain = [
            "".join(chance.choices(letters, k=chance.choice((2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 11))))
            for _ in range(30_000)
        ]
        for place in range(7, len(plain), 40):
            plain[place] = chance.choice(odd)
        scripts = [
            "абвгдежзиклмнопрстуфя",
            "αβγδεζηθικλμνξοπρσω",
            "的一是不了人我在有他这中大来上",
            "ابتثجحخدذرز",
            "éèüöäñçåøß",
        ]
        foreign = [
            "".join(chance.choices(chance.choice(scripts), k=chance.randint(2, 9))) for _ in range(5_000)
        ]
        self.plain, self.foreign = np.array(plain, object), np.array(foreign, object)
        self.numbers = np.random.default_rng(seed)

    def words(self, count: int, foreign: bool = False) -> list[str]:
        source = self.foreign if foreign else self.plain
        ranks = np.minimum(self.numbers.zipf(1.15, count) - 1, len(source) - 1)
        where = np.where(ranks < len(source) - 1, ranks, self.numbers.integers(0, len(source), count))
        return [str(word) for word in source[where]]

    def prose(self, count: int, foreign: bool = False) -> str:
        words = self.words(count, foreign)
        for place in range(0, count, 11):
            words[place] = words[place].capitalize()
            words[place - 1] += ". "
        return " ".join(words)


@dataclass
class Corpus:
    """Rows, items, and which (row, item) must match with which score."""

    rows: list[str]
    items: list[str]
    expected: dict[tuple[int, int], float] = field(default_factory=dict)


def synthesise(count: int) -> Corpus:
    writer, chance = Writer(SEED), random.Random(SEED)
    corpus = Corpus([], [writer.prose(chance.randint(10, 80), foreign=k % 20 == 0) for k in range(ITEMS)])
    for row in range(count):
        text = writer.prose(int(min(20 + chance.expovariate(1 / 150), 3000)), foreign=row % 20 == 3)
        if row % 100 == 50:
            text = plant(corpus, row, text, chance)
        corpus.rows.append(text)
    return corpus


def plant(corpus: Corpus, row: int, text: str, chance: random.Random) -> str:
    """Quote an item in full, a bit more than half of it, or a bit less than half (which must not match)."""
    item = chance.randrange(ITEMS)
    while len(split(corpus.items[item].lower())) < 2 * N + 2:
        item = chance.randrange(ITEMS)
    words = split(corpus.items[item].lower())
    kept = chance.choice((len(words), len(words) // 2 + 1, len(words) // 2))
    if kept > len(words) / 2:
        corpus.expected[row, item] = kept / len(words)
    shouted = [
        word.upper() if word.upper().lower() == word else word for word in words[:kept]
    ]  # not so: ß, ς
    quotation = ", ".join(shouted if row % 200 == 50 else words[:kept])
    return f"{text[: len(text) // 2]} zq{row} {quotation} zq{row} {text}"


def write(path: Path, rows: list[str], times: int = 1) -> None:
    """Parquet with zstd: `text`, and the same split into user turns of a chat between assistant turns."""
    column = pa.array(rows, pa.string())
    schema = pa.schema(
        [
            ("text", pa.string()),
            ("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
        ]
    )
    turns = pa.StructArray.from_arrays(
        [pa.array(["user", "assistant"]).take(pa.array(np.tile([0, 1], len(rows)))),
         pa.chunked_array([column, pa.array(["Sure."])]).combine_chunks().take(
             pa.array(np.stack([np.arange(len(rows)), np.full(len(rows), len(rows))], 1).ravel()))],
        names=["role", "content"],
    )  # fmt: skip
    messages = pa.ListArray.from_arrays(pa.array(np.arange(0, 2 * len(rows) + 1, 2, np.int32)), turns)
    table = pa.Table.from_arrays([column, messages], schema=schema)
    with pq.ParquetWriter(path, schema, compression="zstd") as out:
        for _ in range(times):
            out.write_table(table, row_group_size=GROUP)


def batches(path: Path, column: str) -> Texts:
    """Record batches one by one; with `pre_buffer` pyarrow would keep every byte it has read until the end."""
    for batch in pq.ParquetFile(path, pre_buffer=False).iter_batches(
        GROUP, columns=[column], use_threads=False
    ):
        yield batch.column(0)


# ---- what is measured: each takes the file, returns something to check


def scan(index: BenchmarkIndex, texts: Texts) -> pa.Table:
    found, first = [], 0
    for column in texts:
        matches = index.scan(column)
        found.append(matches.set_column(0, "row", pc.add(matches["row"], first)))
        first += len(column)
    return pa.concat_tables(found)


def user_turns(path: Path) -> Texts:
    for messages in batches(path, "messages"):
        turns = messages.flatten()
        yield turns.field("content").filter(pc.equal(turns.field("role"), "user"))


def split_words(path: Path) -> int:
    return sum(len(split(text.lower())) for column in batches(path, "text") for text in column.to_pylist())


def decode(path: Path) -> int:
    return sum(column.nbytes for column in batches(path, "text"))


def hash_buffers(path: Path) -> int:
    import xxhash  # noqa: PLC0415 - a peer, measured only where it is installed

    return sum(xxhash.xxh3_64_intdigest(column.buffers()[2]) & 1 for column in batches(path, "text"))


class PlainRule:
    """The rule as reference.py has it: Python dictionaries and bit masks."""

    def __init__(self, items: list[str]) -> None:
        self.grams: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
        self.sizes = [len(split(text.lower())) for text in items]
        for item, text in enumerate(items):
            for p, gram in enumerate(self.ngrams(text)):
                self.grams[gram].append((item, p))

    def ngrams(self, text: str) -> list[tuple[str, ...]]:
        tokens = split(text.lower())
        return [tuple(tokens[p : p + N]) for p in range(len(tokens) - N + 1)]

    def find(self, rows: list[str]) -> dict[tuple[int, int], float]:
        found = {}
        for row, text in enumerate(rows):
            covered: dict[int, int] = defaultdict(int)
            for gram in set(self.ngrams(text)):
                for item, p in self.grams.get(gram, ()):
                    covered[item] |= (1 << N) - 1 << p
            scores = {item: mask.bit_count() / self.sizes[item] for item, mask in covered.items()}
            found.update({(row, item): score for item, score in scores.items() if score > 0.5})
        return found


def datatrove_filter(items: list[str], folder: Path) -> Callable[[list[str]], int]:
    """
    datatrove's NGramsDecontFilter over hashes of whole prompts by its indexer's method.

    Its SHA-1, since its default hands str to xxhash, which xxhash 4 refuses; else its defaults (12-grams, spaCy).
    """
    from datatrove.data import Document  # noqa: PLC0415 - a peer, measured only where it is installed
    from datatrove.pipeline.decont import n_grams  # noqa: PLC0415
    from datatrove.utils.hashing import HashConfig  # noqa: PLC0415

    config = n_grams.NGramsDecontConfig(find_query_ngrams=True, hash_config=HashConfig(hash_fc="sha1"))
    peer = n_grams.NGramsDecontFilter(str(folder), config)
    hashes = {h for text in items for h in n_grams.NGramsDecontIndexer.compute_hashes(peer, "", text)}
    np.array(list(hashes), np.uint64).tofile(folder / "bench.index.hashes")
    peer.filter(Document(text="warm up", id=""))
    return lambda rows: sum(peer.filter(Document(text=text, id="")) is not True for text in rows)


# ---- bars


class Report:
    """Prints lines and remembers whether a bar failed."""

    def __init__(self) -> None:
        self.failed = False

    def bar(self, name: str, value: str, passed: bool) -> None:
        self.failed |= not passed
        print(f"  {'pass' if passed else 'FAIL'}  {name}: {value}")


def pairs_of(matches: pa.Table) -> dict[tuple[int, int], float]:
    keys = zip(matches["row"].to_pylist(), matches["item"].to_pylist(), strict=True)
    return dict(zip(keys, matches["score"].to_pylist(), strict=True))


def best_of(legs: dict[str, Callable[[], Any]], repeats: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Best seconds and last result of each, taken in turns so that a noisy minute hits all alike."""
    seconds, results = dict.fromkeys(legs, float("inf")), {}
    for _ in range(repeats):
        for name, leg in legs.items():
            begin = time.perf_counter()
            results[name] = leg()
            seconds[name] = min(seconds[name], time.perf_counter() - begin)
    return seconds, results


def compare(corpus: Corpus, index: BenchmarkIndex, folder: Path, repeats: int, report: Report) -> None:
    path = folder / "rows.parquet"
    write(path, corpus.rows)
    size = sum(len(text.encode()) for text in corpus.rows) / 1e6
    few = corpus.rows[: max(len(corpus.rows) // 20, 200)]
    sample = sum(len(text.encode()) for text in few) / 1e6
    plain_rule = PlainRule(corpus.items)
    legs: dict[str, Callable[[], Any]] = {
        "our scan, zstd Parquet, text column": lambda: scan(index, batches(path, "text")),
        "our scan, zstd Parquet, user turns of messages": lambda: scan(index, user_turns(path)),
        "plain word splitting, compiled regex": lambda: split_words(path),
        "Parquet decoding alone": lambda: decode(path),
        "Parquet decoding and xxh3 of the buffers": lambda: hash_buffers(path),
        "plain Python rule (sample)": lambda: plain_rule.find(few),
    }
    try:
        peer, fewer = datatrove_filter(corpus.items[:2000], folder / "hashes"), few[:200]
        legs["datatrove 0.10.1 n-gram filter (sample)"] = lambda: peer(fewer)
    except ImportError as error:
        print(f"datatrove is left out: {error}")
    sizes = dict.fromkeys(legs, size) | {"plain Python rule (sample)": sample}
    sizes["datatrove 0.10.1 n-gram filter (sample)"] = sum(len(text.encode()) for text in few[:200]) / 1e6
    seconds, results = best_of(legs, repeats)
    speed = {name: sizes[name] / taken for name, taken in seconds.items()}
    ours, split_speed = (
        speed["our scan, zstd Parquet, text column"],
        speed["plain word splitting, compiled regex"],
    )
    print(f"\n{size:.1f} MB in {len(corpus.rows)} rows against {ITEMS} items, best of {repeats}")
    print(f"{'':50}{'MB/s':>10}{'ours is':>10}{'MB':>8}")
    for name, value in speed.items():
        print(f"{name:50}{value:>10.1f}{ours / value:>9.1f}×{sizes[name]:>8.1f}")
    print()
    report.bar("scan from Parquet ≥ 100 MB/s on one core", f"{ours:.0f} MB/s", ours >= 100)
    report.bar("scan ≥ 4 times plain word splitting", f"{ours / split_speed:.1f}×", ours >= 4 * split_speed)
    found = pairs_of(results["our scan, zstd Parquet, text column"])
    report.bar(
        "exactly the planted matches, with their scores",
        f"{len(found)} of {len(corpus.expected)}",
        found == corpus.expected,
    )
    turns = pairs_of(results["our scan, zstd Parquet, user turns of messages"])
    report.bar("the same from user turns", f"{len(turns)}", turns == corpus.expected)
    plain = results["plain Python rule (sample)"]
    mine = {key: score for key, score in found.items() if key[0] < len(few)}
    report.bar("the same as the plain Python rule on its sample", f"{len(plain)}", plain == mine)


# ---- growth


def memory(key: str) -> float:
    """MB from /proc/self/status."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) / 1024


def child(path: Path) -> None:
    """Scan one file in this process; print seconds, peak memory and matches."""
    one_core()
    items = pq.read_table(path.parent / "items.parquet")["text"]
    index = BenchmarkIndex.build({"bench": items}, NgramConfig(n=N))
    index.scan(["warm up"])
    begin = time.perf_counter()
    found = sum(index.scan(column).num_rows for column in batches(path, "text"))
    print(time.perf_counter() - begin, memory("VmHWM"), found)


def grow(corpus: Corpus, folder: Path, repeats: int, report: Report) -> None:
    write(folder / "items.parquet", corpus.items)
    seconds, peaks, found = dict.fromkeys(SCALES, float("inf")), dict.fromkeys(SCALES, float("inf")), {}
    for scale in SCALES:
        write(folder / f"rows{scale}.parquet", corpus.rows, scale)
    for _ in range(repeats):
        for scale in SCALES:
            command = [sys.executable, __file__, "--child", str(folder / f"rows{scale}.parquet")]
            taken, peak, matches = subprocess.run(
                command, check=True, capture_output=True, text=True
            ).stdout.split()
            seconds[scale], peaks[scale] = min(seconds[scale], float(taken)), min(peaks[scale], float(peak))
            found[scale] = int(matches)
    print(f"\n{'rows':>10}{'seconds':>10}{'peak MB':>10}{'matches':>10}")
    for scale in SCALES:
        print(f"{scale * len(corpus.rows):>10}{seconds[scale]:>10.2f}{peaks[scale]:>10.0f}{found[scale]:>10}")
    slope = max(seconds[scale] / scale for scale in SCALES[1:]) / seconds[1]
    report.bar("time is linear in rows (per row, 4× and 16× beside 1×)", f"{slope:.2f}", slope <= 1.3)
    growth = peaks[SCALES[-1]] / peaks[1]
    report.bar("memory is flat (peak, 16× beside 1×)", f"{growth:.2f}", growth <= 1.1)
    report.bar(
        "matches grow with the rows",
        f"{found[16]}",
        all(found[s] == s * len(corpus.expected) for s in SCALES),
    )


def build(corpus: Corpus, repeats: int, report: Report) -> BenchmarkIndex:
    begin = time.perf_counter()
    BenchmarkIndex.build({"bench": corpus.items[:10]}).scan([corpus.items[0]])
    first, items = time.perf_counter() - begin, pa.array(corpus.items)
    seconds, results = best_of(
        {"build": lambda: BenchmarkIndex.build({"bench": items}, NgramConfig(n=N))}, repeats
    )
    index: BenchmarkIndex = results["build"]
    size = sum(len(text.encode()) for text in corpus.items) / 1e6
    print(f"index: {ITEMS} items ({size:.1f} MB) in {seconds['build']:.2f} s, {index.nbytes / 1e6:.0f} MB held; "
          f"first call (kernels compiled, or loaded from numba's cache) {first:.1f} s")  # fmt: skip
    report.bar("60,000 items are indexed in < 2 s", f"{seconds['build']:.2f} s", seconds["build"] < 2)
    return index


def one_core() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)


def parsed(description: str | None) -> argparse.Namespace:
    """`child` is set where this is the process whose memory is measured."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=description, formatter_class=raw)
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    options = parsed(__doc__)
    if options.child:
        child(options.child)
        return 0
    one_core()
    report = Report()
    corpus = synthesise(options.rows)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "hashes").mkdir()
        index = build(corpus, options.repeats, report)
        compare(corpus, index, folder, options.repeats, report)
        grow(corpus, folder, options.repeats, report)
    return int(report.failed)


if __name__ == "__main__":
    sys.exit(main())
