"""
The explorer over a version of 1 M rows, beside the same DuckDB query alone on the same files, in one run.

    python bench/explore.py [--rows 1000000]

Rows are chats of about 1 kB with labels and notes, written and profiled by the engine as a run would do it. What a
reader waits for (a page, a histogram, a filter) is everything from opening the files on, and must stay below 300 ms;
the bare query gets an open connection. Both have one thread. What the profile run does once has no limit.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1]))
from curation.engine.exploring import (
    Column,
    Filter,
    Query,
    attributes,
    chosen,
    count,
    describe,
    histogram,
    page,
    positions,
    schema_with,
    search,
    seen,
    sheet,
    summaries,
)
from curation.engine.records import COMPLETION, MESSAGE, SCHEMA, STRINGS
from curation.engine.store import GROUP_ROWS, SHARD_ROWS, Shard, Store

LIMIT_MS = 300
REPEATS = 7
WORDS = [
    f"{a}{b}" for a in ("bar", "len", "mo", "sti", "ku") for b in ("ley", "til", "ss", "ck", "dzu", "na")
]
TOPICS = ["rates", "ratios", "percent", "fractions", "number sense"]
BODIES = 997


@dataclass(frozen=True)
class Line:
    """One measurement: milliseconds as the explorer answers, and of the bare query; limited if a reader waits."""

    what: str
    ours: float
    bare: float
    limited: bool = True

    @property
    def held(self) -> bool:
        return not self.limited or self.ours < LIMIT_MS


# the version


def chats(rows: int) -> Iterator[pa.RecordBatch]:
    """Two turns of 20 to 400 words, a topic, a score and an origin."""
    dice = np.random.default_rng(7)
    lengths = np.clip(dice.lognormal(4.2, 0.7, BODIES), 20, 400).astype(int)
    bodies = pa.array([" ".join(dice.choice(WORDS, n)) for n in lengths])
    for first in range(0, rows, GROUP_ROWS):
        size = min(GROUP_ROWS, rows - first)
        numbers = [str(i) for i in range(first, first + size)]
        said = pa.array([text for i in numbers for text in (f"{i} ", f"answer {i}: ")])
        content = pa.array(
            [
                a + b
                for a, b in zip(
                    said.to_pylist(), bodies.take(dice.integers(0, BODIES, 2 * size)).to_pylist(), strict=True
                )
            ]
        )
        yield _batch(numbers, content, dice)


def _batch(numbers: list[str], content: pa.Array, dice: np.random.Generator) -> pa.RecordBatch:
    size = len(numbers)
    none = pa.nulls(2 * size, pa.string())
    turns = pa.StructArray.from_arrays(
        [pa.array(["user", "assistant"] * size), content, none, none, none], fields=list(MESSAGE)
    )
    ids = pa.array([f"{int(i) * 0x9E3779B97F4A7C15 % 2**128:032x}" for i in numbers])
    topics = dice.integers(0, len(TOPICS), size)
    scores = np.round(dice.beta(5, 2, size), 2)
    given = {
        "id": ids,
        "fingerprint": ids,
        "source": pa.array(["worksheets-a", "worksheets-b"]).take(pa.array(dice.integers(0, 2, size))),
        "messages": pa.ListArray.from_arrays(pa.array(range(0, 2 * size + 1, 2), pa.int32()), turns),
        "completions": pa.array([[]] * size, pa.list_(COMPLETION)),
        "labels": pa.array([[("topic", TOPICS[i])] for i in topics], STRINGS),
        "meta": pa.array(
            [
                [("quality", str(q)), ("origin", f"rows.jsonl#{n}")]
                for q, n in zip(scores, numbers, strict=True)
            ],
            STRINGS,
        ),
        "ground_truth": pa.array([n if int(n) % 3 else None for n in numbers]),
        "licence": pa.array(["mit" if int(n) % 7 else None for n in numbers]),
    }
    empty = {
        f.name: pa.array([[]] * size if pa.types.is_list(f.type) else [None] * size, f.type)
        for f in SCHEMA
        if f.name not in given
    }
    return pa.RecordBatch.from_arrays([(given | empty)[f.name].cast(f.type) for f in SCHEMA], schema=SCHEMA)


def write_records(store: Store, rows: int) -> list[Shard]:
    shards, batches = [], chats(rows)
    for number, first in enumerate(range(0, rows, SHARD_ROWS)):
        with store.writer(f"1/records/{number:05}.parquet", SCHEMA) as writer:
            for _ in range(0, min(SHARD_ROWS, rows - first), GROUP_ROWS):
                writer.write(next(batches))
        shards.append(writer.close())
    return shards


def write_profile(store: Store, records: list[Shard]) -> list[Shard]:
    total = sum(shard.rows for shard in records)
    notes = chosen([seen(store.batches([shard], ["labels", "meta"])) for shard in records], total)
    first, shards = 0, []
    for number, shard in enumerate(records):
        with store.writer(f"2/profile/{number:05}.parquet", schema_with(notes)) as writer:
            for batch in store.batches([shard]):
                writer.write(attributes(batch, first, notes))
                first += batch.num_rows
        shards.append(writer.close())
    return shards


# the measurements


def ms(act: Callable[[], Any], repeats: int = REPEATS) -> float:
    """The median of some runs, after one that fills the caches of the system."""
    act()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        act()
        times.append(time.perf_counter() - start)
    return float(np.median(times)) * 1000


class Measured:
    """Times a question as the explorer answers it, beside a bare query over the same files."""

    def __init__(self, store: Store, shards: list[Shard]) -> None:
        self.store, self.shards = store, shards
        self.files = [store.full(shard.path) for shard in shards]
        self.bare = store.query()

    def line(
        self, what: str, ask: Callable[[Any], Any], sql: str, *values: Any, limited: bool = True
    ) -> Line:
        def ours() -> None:
            with sheet(self.store, self.shards) as opened:
                ask(opened)

        def bare() -> None:
            self.bare.execute(
                sql.replace("FROM rows", "FROM read_parquet(?)"), [self.files, *values]
            ).to_arrow_table()

        repeats = REPEATS if limited else 1
        return Line(what, ms(ours, repeats), ms(bare, repeats), limited)


@dataclass(frozen=True)
class Asked:
    """What the questions are about: columns of the version, a filter that leaves some rows and one that leaves few."""

    columns: dict[str, Column]
    some: Query
    rare: Query
    deep: int

    @classmethod
    def of(cls, columns: dict[str, Column], rows: int) -> "Asked":
        narrow = Filter("tokens", *_middle(columns["tokens"]))
        some = Query((narrow, Filter("source", values=("worksheets-a",))))
        return cls(columns, some, Query((Filter("tokens", low=columns["tokens"].high - 12),)), rows * 9 // 10)

    @property
    def bound(self) -> list[Any]:
        return [self.some.filters[0].low, self.some.filters[0].high, "worksheets-a"]


LISTED, WHERE = "SELECT * FROM rows WHERE", "tokens >= ? AND tokens < ? AND source = ?"


def measure(store: Store, shards: list[Shard], rows: int) -> list[Line]:
    with sheet(store, shards) as opened:
        asked = Asked.of({column.name: column for column in describe(opened)}, rows)
    line = Measured(store, shards).line
    return [*pages(line, asked), *filtered(line, asked), *histograms(line, asked), *whole(line, asked)]


def pages(line: Callable[..., Line], asked: Asked) -> list[Line]:
    deep = asked.deep
    ordered = "ORDER BY row LIMIT 21"
    return [
        line("first page", lambda s: page(s, Query()), f"{LISTED} row >= 0 {ordered}"),
        line("page near the end", lambda s: page(s, Query(after=deep)), f"{LISTED} row > ? {ordered}", deep),
        line(
            "sorted page",
            lambda s: page(s, Query(sort="-chars")),
            "SELECT * FROM rows ORDER BY chars DESC, row LIMIT 21",
        ),
    ]


def filtered(line: Callable[..., Line], asked: Asked) -> list[Line]:
    some, rare, deep, bound = asked.some, asked.rare, asked.deep, asked.bound
    ordered = "ORDER BY row LIMIT 21"
    low, none = rare.filters[0].low, Query((Filter("licence", values=("gpl",)),))
    after, before = some.at(after=deep), some.at(before=deep)
    sql = {
        "after": f"{LISTED} row > ? AND {WHERE} {ordered}",
        "before": f"{LISTED} row < ? AND {WHERE} ORDER BY row DESC LIMIT 21",
    }
    return [
        line("filter: page", lambda s: page(s, some), f"{LISTED} {WHERE} {ordered}", *bound),
        line("filter: count", lambda s: count(s, some), f"SELECT count(*) FROM rows WHERE {WHERE}", *bound),
        line("filter: page of rare rows", lambda s: page(s, rare), f"{LISTED} tokens >= ? {ordered}", low),
        line("filter: page near the end", lambda s: page(s, after), sql["after"], deep, *bound),
        line("filter: page before it", lambda s: page(s, before), sql["before"], deep, *bound),
        line("filter without a row", lambda s: page(s, none), f"{LISTED} licence = 'gpl' {ordered}"),
    ]


def histograms(line: Callable[..., Line], asked: Asked) -> list[Line]:
    columns, some, bound = asked.columns, asked.some, asked.bound
    width = columns["tokens"].bins[1].low - columns["tokens"].bins[0].low
    by_width = f"SELECT tokens // {width}, count(*) FROM rows WHERE {WHERE} GROUP BY 1"
    by_topic = f'SELECT "label.topic", count(*) FROM rows WHERE {WHERE} GROUP BY 1'
    of_all = "SELECT chars // 500, count(*) FROM rows GROUP BY 1"
    return [
        line("filter: histogram", lambda s: histogram(s, columns["tokens"], some), by_width, *bound),
        line("histogram of all rows", lambda s: histogram(s, columns["chars"], Query()), of_all),
        line("filter: topics", lambda s: histogram(s, columns["label.topic"], some), by_topic, *bound),
    ]


def whole(line: Callable[..., Line], asked: Asked) -> list[Line]:
    """Questions that read every row; the column summary is worked out once, in the profile run."""
    some, bound = asked.some, asked.bound
    found = f"SELECT row FROM rows WHERE {WHERE}"
    ranges = f"SELECT {_ranges(asked.columns)} FROM rows WHERE {WHERE}"
    summary = "SUMMARIZE SELECT * EXCLUDE (row, id, preview) FROM rows"
    return [
        line("positions for a search", lambda s: positions(s, some), found, *bound),
        line("filter: all ranges", lambda s: summaries(s, some), ranges, *bound),
        line("column summary (once, in the run)", describe, summary, limited=False),
    ]


def _middle(column: Column) -> tuple[Any, Any]:
    """The fullest bin."""
    best = max(column.bins, key=lambda one: one.rows)
    return best.low, best.high


def _ranges(columns: dict[str, Column]) -> str:
    numeric = [f'"{name}"' for name, column in columns.items() if column.type.numeric]
    return ", ".join(f"count({name}), min({name}), max({name}), avg({name})" for name in numeric)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        records = write_records(store, rows)
        start = time.perf_counter()
        shards = write_profile(store, records)
        took = time.perf_counter() - start
        lines = measure(store, shards, rows)
        start = time.perf_counter()
        hits = search(store, records, "answer nowhere", seconds=1.0, clock=time.monotonic)
        searched = (hits.searched_to + 1) / (time.perf_counter() - start)
    size, own = (sum(shard.bytes for shard in some) / 1e6 for some in (records, shards))
    print(f"{rows:,} rows, {size:,.0f} MB; attributes {own:,.0f} MB, written at {rows / took:,.0f} rows/s")
    print(f"words are looked for at {searched:,.0f} rows/s")
    print(f"{'':34} {'ms':>8} {'bare ms':>8} {'ratio':>6}   below {LIMIT_MS} ms")
    for one in lines:
        verdict = ("pass" if one.held else "FAIL") if one.limited else ""
        print(
            f"{one.what:34} {one.ours:>8.1f} {one.bare:>8.1f} {one.ours / one.bare:>6.2f}   {verdict}".rstrip()
        )
    return 0 if all(one.held for one in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
