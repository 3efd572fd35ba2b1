"""`NearIndex.scan` against the rule written plainly, sentences with known answers, and real prompts."""

import gzip
import json
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.engine.errors import BadConfig, BadInput
from curation.engine.text.words import words
from decontam.engine import MATCHES
from decontam.engine.near import NearConfig, NearIndex
from decontam.engine.shared import shared_spans

FOX = "The quick brown fox jumps over the lazy dog near the river bank."
OWL = "An old grey owl sits alone upon the crooked branch and waits."
CAT = "Seven cats asked the baker for bread but he only gave them fish."


def scan(items: list[str], rows: list[str], **config: Any) -> list[dict[str, Any]]:
    return NearIndex.build({"bench": items}, NearConfig(**config)).scan(rows).to_pylist()


def pairs(matches: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [(match["row"], match["item"]) for match in matches]


def shingles(text: str, size: int) -> set[tuple[str, ...]]:
    found = words(text)
    if len(found) < size:
        return {tuple(found)} if found else set()
    return {tuple(found[k : k + size]) for k in range(len(found) - size + 1)}


def plain(item: str, row: str, config: NearConfig) -> float:
    """The rule for one item and one row, as plainly as possible; 0.0 for no match."""
    own, others = shingles(item, config.shingle), shingles(row, config.shingle)
    if len(words(item)) < config.min_words or not others:
        return 0.0
    if len(words(row)) <= len(words(item)) + config.frame and len(own & others) >= config.containment * len(
        own
    ):
        return len(own & others) / len(own)
    similarity = len(own & others) / len(own | others)
    fits = len(words(row)) * config.threshold <= len(words(item))
    return similarity if fits and similarity >= config.threshold else 0.0


# ---- sentences with known answers


def test_sentences_in_another_order_are_a_match() -> None:
    (match,) = scan([OWL, f"{FOX} {OWL} {CAT}"], ["nothing", f"{CAT} {FOX} {OWL}"])
    assert (match["row"], match["benchmark"], match["item"], match["method"]) == (1, "bench", 1, "near")
    assert match["score"] == 36 / 37


def test_a_short_item_with_one_word_replaced_is_a_match() -> None:
    row = FOX.replace("lazy", "sleepy")
    (match,) = scan([FOX, OWL], [row])
    assert match["score"] == 10 / 12
    assert [row[span["start"] : span["end"]] for span in match["train_spans"]] == [
        "The quick brown fox jumps over the",
        "dog near the river bank",
    ]


def test_an_item_in_a_short_frame_is_a_match_and_one_in_a_long_document_is_not() -> None:
    framed = f"Please answer the following question. Question: {FOX} Answer:"
    (match,) = scan([FOX], [framed, f"{OWL} {CAT} {FOX} {OWL}"])
    assert (match["row"], match["score"]) == (0, 1.0)
    assert [framed[span["start"] : span["end"]] for span in match["train_spans"]] == [FOX[:-1]]
    assert pairs(scan([FOX], [framed], frame=2)) == [(0, 0)]
    assert not scan([FOX], [framed], frame=2, threshold=0.8)


def test_numbers_are_words_like_any_other() -> None:
    item = "A train travels 270 miles in 3 hours and then 40 miles in 2 hours"
    assert pairs(scan([item], [item.replace("270", "360")])) == [(0, 0)]
    assert not scan([item], ["A plane travels 900 miles in 7 hours and then 80 miles in 5 hours"])


def test_short_items_are_listed_and_match_nothing() -> None:
    index = NearIndex.build({"a": ["", "one two three", FOX], "b": ["four five six seven eight", OWL, None]})
    assert index.items == {"a": 3, "b": 3}
    assert index.unchecked == {"a": [0, 1], "b": [0, 2]}
    found = index.scan(["one two three", "four five six seven eight", "", None, OWL]).to_pylist()
    assert [(match["row"], match["benchmark"], match["item"]) for match in found] == [(4, "b", 1)]


def test_every_copy_of_an_item_is_matched_in_order() -> None:
    index = NearIndex.build({"z": [FOX, OWL, FOX], "a": [FOX.upper()]})
    found = index.scan([OWL, FOX]).to_pylist()
    assert [(match["row"], match["benchmark"], match["item"]) for match in found] == [
        (0, "z", 1), (1, "z", 0), (1, "z", 2), (1, "a", 0),
    ]  # fmt: skip


def test_items_that_share_a_template_are_told_apart() -> None:
    stem = "Read the following passage with care and then answer the question below in one word"
    items = [f"{stem}: " + " ".join(f"w{k}x{j}" for j in range(20)) for k in range(5000)]
    rows = [f"{stem}: something else entirely", items[17], stem, items[4999].replace("x3 ", "y3 ")]
    assert pairs(scan(items, rows)) == [(1, 17), (3, 4999)]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_chunks_and_kinds_of_text_change_nothing(kind: Any) -> None:
    index = NearIndex.build({"bench": pa.array([FOX, OWL]).cast(kind)})
    column = pa.array(["x", FOX, None, f"Q: {OWL}", FOX]).cast(kind)
    expected = index.scan(["x", FOX, None, f"Q: {OWL}", FOX])
    assert expected.schema == MATCHES and expected["row"].to_pylist() == [1, 3, 4]
    assert (
        index.scan(pa.chunked_array([column[:2], column[2:2], column[2:]]))
        .combine_chunks()
        .equals(expected.combine_chunks())
    )
    assert index.scan([]).schema == MATCHES and index.scan([]).num_rows == 0


def test_threads_share_an_index() -> None:
    index = NearIndex.build({"bench": [f"{FOX} {k} {OWL}" for k in range(100)]})
    rows = [f"{OWL} {FOX} {k}" for k in range(200)]
    expected = index.scan(rows)
    assert expected.num_rows
    with ThreadPoolExecutor(4) as pool:
        assert all(found.equals(expected) for found in pool.map(index.scan, [rows] * 8))


def test_a_huge_row_and_bytes_that_are_no_text_match_nothing() -> None:
    binary = pa.array([bytes(range(256)) * 20, FOX.encode()], pa.binary()).view(pa.string())
    index = NearIndex.build({"bench": [FOX, OWL]})
    assert pairs(index.scan(binary).to_pylist()) == [(1, 0)]
    assert pairs(index.scan([f"{FOX} " * 800_000, OWL]).to_pylist()) == [(1, 1)]


def test_a_benchmark_without_items_is_refused_with_a_sentence() -> None:
    with pytest.raises(BadInput, match="Benchmark GPQA has no items"):
        NearIndex.build({"MMLU": ["x"], "GPQA": []})
    with pytest.raises(BadInput, match="no benchmark"):
        NearIndex.build({})


@pytest.mark.parametrize(
    "wrong", [{"shingle": 0}, {"shingle": True}, {"threshold": 0.1}, {"threshold": "x"}, {"containment": 2},
              {"frame": -1}, {"frame": 1.5}, {"min_words": 1}, {"containment": float("nan")}],
)  # fmt: skip
def test_a_configuration_checks_itself(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadConfig):
        NearConfig(**wrong)


# ---- against the plain rule

TOKENS = [f"{letter}{k}" for letter in "abcdef" for k in range(8)] + ["Ärger", "ΑΣ", "中文"]
sentences = st.lists(st.sampled_from(TOKENS), min_size=6, max_size=30, unique=True)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """Items, and rows that are items cut, turned around, with words replaced, or in a frame."""
    items = draw(st.lists(sentences, min_size=1, max_size=5))
    rows = []
    for found in draw(st.lists(st.sampled_from(items), max_size=6)):
        cut = draw(st.integers(0, len(found)))
        row = found[cut:] + found[:cut]
        for place in draw(st.lists(st.integers(0, len(row) - 1), max_size=3)):
            row[place] = draw(st.sampled_from(TOKENS))
        rows.append([*draw(st.lists(st.sampled_from(TOKENS), max_size=8)), *row])
    return [" ".join(found) for found in items], [", ".join(row) for row in rows]


@settings(max_examples=80, deadline=None)
@given(
    cases(), st.sampled_from([1, 2, 3]), st.sampled_from([0.4, 0.55, 0.8]), st.sampled_from([0.5, 0.75, 1.0])
)
def test_results_are_those_of_the_plain_rule(
    case: tuple[list[str], list[str]], size: int, threshold: float, containment: float
) -> None:
    items, rows = case
    config = NearConfig(shingle=size, threshold=threshold, containment=containment, frame=5)
    found = NearIndex.build({"bench": items}, config).scan(rows).to_pylist()
    expected = {
        (r, i): plain(item, row, config)
        for r, row in enumerate(rows)
        for i, item in enumerate(items)
        if plain(item, row, config)
    }
    assert {(match["row"], match["item"]): match["score"] for match in found} == expected
    assert pairs(found) == sorted(expected)


def test_spans_cut_out_of_both_texts_what_they_share() -> None:
    left, right = f"İΣ! {FOX} (x) {OWL}", f"{OWL} {FOX.upper()}"
    one, other = shared_spans(left, right, 2)
    assert {tuple(words(left[s["start"] : s["end"]])) for s in one} == {tuple(words(FOX)), tuple(words(OWL))}
    assert [tuple(words(right[s["start"] : s["end"]])) for s in other] == [(*words(OWL), *words(FOX))]
    assert shared_spans("", FOX, 2) == ([], []) and shared_spans("one", "One!", 2)[1] == [
        {"start": 0, "end": 3}
    ]


# ---- real prompts


def prompts(path: Path) -> list[str]:
    with gzip.open(path, "rt") as file:
        return [json.loads(line)["prompt"] or "" for line in file]


@pytest.mark.realdata
def test_edited_items_of_real_benchmarks_are_found_and_clean_rows_are_left_alone(realdata: Path) -> None:
    folder, chance = realdata / "contamination", random.Random(2)
    items = prompts(folder / "benchmarks" / "GSM8K-test.jsonl.gz")
    index = NearIndex.build({"GSM8K-test": items}, NearConfig(max_words=1000))
    vocabulary = " ".join(items).split()
    rows = []
    for text in items:
        found = text.split()
        for place in chance.sample(range(len(found)), round(len(found) * 0.1)):
            found[place] = chance.choice(vocabulary)
        rows.append(" ".join(found))
    hits = set(pairs(index.scan(rows).to_pylist()))
    assert sum((k, k) in hits for k in range(len(items))) >= 0.99 * len(items)
    clean = prompts(folder / "corpora" / "gsm8k_train.jsonl.gz")
    assert len({row for row, _ in pairs(index.scan(clean).to_pylist())}) <= 0.001 * len(clean)
