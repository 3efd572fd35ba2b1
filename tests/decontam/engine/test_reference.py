"""19 public benchmarks × 29 public corpora: every pair equals what the plain rule found."""

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from curation.engine.text.words import words
from decontam.engine import BenchmarkIndex

DATA = (
    Path(os.environ.get("WINNOW_REALDATA") or Path(__file__).parents[4] / "shared" / "data") / "contamination"
)

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(
        not (DATA / "expected.json").is_file(),
        reason="the public data is not here: set WINNOW_REALDATA to the folder that holds contamination/",
    ),
]


def load(folder: str) -> dict[str, tuple[list[Any], list[str]]]:
    """For each file its ids and its prompts, in file order."""
    loaded = {}
    for path in sorted((DATA / folder).glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        loaded[path.name.removesuffix(".jsonl.gz")] = (
            [row["id"] for row in rows],
            [row["prompt"] for row in rows],
        )
    return loaded


@pytest.fixture(scope="module")
def benchmarks() -> dict[str, tuple[list[Any], list[str]]]:
    return load("benchmarks")


@pytest.fixture(scope="module")
def index(benchmarks: dict[str, tuple[list[Any], list[str]]]) -> BenchmarkIndex:
    return BenchmarkIndex.build({name: prompts for name, (_, prompts) in benchmarks.items()})


@pytest.fixture(scope="module")
def scanned(index: BenchmarkIndex) -> dict[str, tuple[list[Any], list[str], pa.Table]]:
    return {name: (ids, prompts, index.scan(prompts)) for name, (ids, prompts) in load("corpora").items()}


def summary(matches: pa.Table, item_ids: list[Any], row_ids: list[Any]) -> dict[str, Any]:
    """One pair's entry of expected.json, as far as a scan says it."""
    hits: dict[str, list[Any]] = {}
    rows, short = set(), set()
    for match in matches.to_pylist():
        if match["method"] == "exact":
            short.add(match["item"])
            continue
        rows.add(match["row"])
        best = hits.setdefault(str(item_ids[match["item"]]), [0, None])
        if match["score"] > best[0]:
            best[:] = [match["score"], row_ids[match["row"]]]
    return {
        "hit": len(hits),
        "short": len(short),
        "train": len(rows),
        "hits": {item: [round(score, 4), row] for item, (score, row) in hits.items()},
    }


def pairs(scanned: dict[str, Any], benchmarks: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for corpus, (row_ids, _, matches) in scanned.items():
        for name, (item_ids, _) in benchmarks.items():
            mine = matches.filter(pc.equal(matches["benchmark"], name))
            if mine.num_rows:
                yield f"{corpus} | {name}", summary(mine, item_ids, row_ids)


def test_every_pair_is_what_the_plain_rule_found(scanned: dict[str, Any], benchmarks: dict[str, Any]) -> None:
    expected = {
        pair: {key: entry[key] for key in ("hit", "short", "train", "hits")}
        for pair, entry in json.loads((DATA / "expected.json").read_text()).items()
        if entry["hit"] or entry["short"]
    }
    found = dict(pairs(scanned, benchmarks))
    assert sorted(found) == sorted(expected)
    for pair, entry in expected.items():
        assert found[pair] == entry, pair


def test_spans_are_covered_by_the_ngrams_that_both_sides_share(
    scanned: dict[str, Any], benchmarks: dict[str, Any]
) -> None:
    for _, prompts, matches in scanned.values():
        for match in matches.to_pylist()[:300]:
            item = benchmarks[match["benchmark"]][1][match["item"]]
            row_runs = [words(prompts[match["row"]][s["start"] : s["end"]]) for s in match["train_spans"]]
            item_runs = [words(item[s["start"] : s["end"]]) for s in match["item_spans"]]
            size = 8 if match["method"] == "ngram" else len(item_runs[0])
            shared = {gram for run in row_runs for gram in ngrams(run, size)}
            shared &= {gram for run in item_runs for gram in ngrams(run, size)}
            assert all(is_covered(run, shared, size) for run in (*row_runs, *item_runs))
            assert sum(map(len, item_runs)) / len(words(item)) == match["score"]


def ngrams(run: list[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(run[k : k + size]) for k in range(len(run) - size + 1)]


def is_covered(run: list[str], shared: set[tuple[str, ...]], size: int) -> bool:
    starts = [k for k, gram in enumerate(ngrams(run, size)) if gram in shared]
    return {k for start in starts for k in range(start, start + size)} == set(range(len(run)))
