"""`BenchmarkIndex.scan` against the rule written plainly, and sentences with known answers."""

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.engine.errors import BadConfig, BadInput
from curation.engine.text.words import words
from decontam.engine import MATCHES, BenchmarkIndex, NgramConfig
from decontam.engine.grams import Tuning

FOX = "The quick brown fox jumps over the lazy dog near the river bank"
OWL = "An old grey owl sits alone upon the crooked branch and waits"


def located(text: str) -> list[tuple[str, int, int]]:
    """Words with the character range that each has in `text`."""
    origin = [place for place, character in enumerate(text) for _ in character.lower()]
    found = re.finditer(r"\w+", text.lower())
    return [(word[0], origin[word.start()], origin[word.end() - 1] + 1) for word in found]


def grams(tokens: list[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(tokens[k : k + n]) for k in range(len(tokens) - n + 1)]


def spans(places: list[tuple[str, int, int]], covered: list[bool]) -> list[dict[str, int]]:
    runs: list[list[int]] = []
    for k, (_, start, end) in enumerate(places):
        if covered[k] and k and covered[k - 1]:
            runs[-1][1] = end
        elif covered[k]:
            runs.append([start, end])
    return [{"start": start, "end": end} for start, end in runs]


def compare(row: str, item: str, n: int, threshold: float) -> dict[str, Any] | None:
    """The rule for one training row and one item, as plainly as possible; None for no match."""
    row_places, item_places = located(row or ""), located(item or "")
    row_tokens, item_tokens = words(row or ""), words(item or "")
    if 0 < len(item_tokens) < n:
        if row_tokens != item_tokens:
            return None
        row_covered, item_covered, method = [True] * len(row_tokens), [True] * len(item_tokens), "exact"
    else:
        common = set(grams(row_tokens, n)) & set(grams(item_tokens, n))
        row_covered, item_covered = (
            [
                any(gram in common for gram in grams(tokens[max(k - n + 1, 0) : k + n], n))
                for k in range(len(tokens))
            ]
            for tokens in (row_tokens, item_tokens)
        )
        method = "ngram"
    if not item_tokens or sum(item_covered) / len(item_tokens) <= threshold:
        return None
    return {
        "method": method,
        "score": sum(item_covered) / len(item_tokens),
        "train_spans": spans(row_places, row_covered),
        "item_spans": spans(item_places, item_covered),
    }


def plain(benchmarks: dict[str, list[str]], rows: list[str], config: NgramConfig) -> list[dict[str, Any]]:
    return [
        {"row": r, "benchmark": name, "item": i, **match}
        for r, row in enumerate(rows)
        for name, items in benchmarks.items()
        for i, item in enumerate(items)
        if (match := compare(row, item, config.n, config.threshold))
    ]


def scan(items: list[str], rows: list[str], **config: Any) -> list[dict[str, Any]]:
    return BenchmarkIndex.build({"bench": items}, NgramConfig(**config)).scan(rows).to_pylist()


def cuts(text: str, spans: list[dict[str, int]]) -> list[str]:
    return [text[span["start"] : span["end"]] for span in spans]


# ---- sentences with known answers


def test_a_verbatim_quotation_is_a_match_of_score_one() -> None:
    row = f"Please translate: “{FOX.upper()}”!"
    (match,) = scan([OWL, FOX], [OWL[:20], row])
    assert (match["row"], match["benchmark"], match["item"], match["method"]) == (1, "bench", 1, "ngram")
    assert match["score"] == 1.0
    assert cuts(row, match["train_spans"]) == [FOX.upper()]
    assert cuts(FOX, match["item_spans"]) == [FOX]


def test_punctuation_case_and_spacing_do_not_hide_a_quotation() -> None:
    assert scan([FOX], [FOX.replace(" ", " -- ").title()])[0]["score"] == 1.0


def test_the_threshold_is_exceeded_strictly() -> None:
    item = "a b c d e f g h 1 2 3 4 5 6 7 8"
    assert scan([item], ["a b c d e f g h"]) == []
    assert scan([item], ["a b c d e f g h"], threshold=0.49)[0]["score"] == 0.5
    assert scan([item], ["a b c d e f g h 1"])[0]["score"] == 9 / 16


def test_seven_common_words_in_a_row_are_no_ngram() -> None:
    assert scan([FOX], ["The quick brown fox jumps over the cat", "the lazy dog near the river bank"]) == []


def test_coverage_is_counted_in_one_row_and_never_summed_over_rows() -> None:
    assert scan([FOX], ["quick brown fox jumps over the lazy dog", FOX[4:]], threshold=0.7) == [
        {
            "row": 1,
            "benchmark": "bench",
            "item": 0,
            "method": "ngram",
            "score": 12 / 13,
            "train_spans": [{"start": 0, "end": len(FOX) - 4}],
            "item_spans": [{"start": 4, "end": len(FOX)}],
        }
    ]


def test_an_item_quoted_twice_has_two_train_spans_and_one_item_span() -> None:
    row = f"{FOX}. Once more: {FOX}"
    (match,) = scan([FOX], [row])
    assert cuts(row, match["train_spans"]) == [FOX, FOX]
    assert cuts(FOX, match["item_spans"]) == [FOX]


def test_a_gap_in_the_quotation_splits_the_spans_of_both_sides() -> None:
    item = f"{FOX} EXTRA {OWL}"
    row = f"{FOX}; something, else; {OWL}"
    (match,) = scan([item], [row])
    assert cuts(row, match["train_spans"]) == [FOX, OWL]
    assert cuts(item, match["item_spans"]) == [FOX, OWL]
    assert match["score"] == pytest.approx(25 / 26)


def test_two_quotations_that_touch_are_one_span() -> None:
    row = "a b c d e f g h a b c d e f g h"
    (match,) = scan(["a b c d e f g h"], [row])
    assert cuts(row, match["train_spans"]) == [row]


def test_a_short_item_matches_only_a_text_of_just_its_words() -> None:
    rows = ["Who wrote Hamlet?", "Who wrote Hamlet, then?", "WHO -- wrote\nhamlet", "who wrote"]
    matches = scan(["who wrote Hamlet"], rows)
    assert [(match["row"], match["method"], match["score"]) for match in matches] == [
        (0, "exact", 1.0),
        (2, "exact", 1.0),
    ]
    assert matches[0]["train_spans"] == [{"start": 0, "end": 16}]


def test_a_long_item_that_is_the_whole_text_is_an_ngram_match_only() -> None:
    assert [match["method"] for match in scan([FOX], [FOX])] == ["ngram"]


def test_items_without_words_match_nothing_and_are_reported() -> None:
    index = BenchmarkIndex.build({"a": ["...", FOX, None, "two words"], "b": ["x"]})
    assert index.items == {"a": 4, "b": 1}
    assert index.unchecked == {"a": [0, 2], "b": []}
    assert index.weakly_checked == {"a": [3], "b": [0]}
    assert index.scan(["...", "", None]).num_rows == 0


def test_matches_are_ordered_by_row_then_benchmark_as_given_then_item() -> None:
    index = BenchmarkIndex.build({"z": [OWL, FOX], "a": [FOX, FOX]})
    found = index.scan([f"{FOX} {OWL}", "no", FOX])
    keys = [(m["row"], m["benchmark"], m["item"]) for m in found.to_pylist()]
    assert keys == [(0, "z", 0), (0, "z", 1), (0, "a", 0), (0, "a", 1), (2, "z", 1), (2, "a", 0), (2, "a", 1)]


def test_offsets_are_characters_not_bytes() -> None:
    row = f"Größe 😀 İİ — {FOX.replace('lazy', 'LÄZY')} ∎"
    item = FOX.replace("lazy", "läzy")
    (match,) = scan([f"„{item}“"], [row])
    assert cuts(row, match["train_spans"]) == [item.replace("läzy", "LÄZY")]
    assert match["item_spans"] == [{"start": 1, "end": 1 + len(item)}]


def test_a_final_sigma_is_the_word_that_python_lowers_it_to() -> None:
    item = "ο δρόμος της πόλης είναι μακρύς και στενός εδώ"
    (match,) = scan([item], [item.upper().replace("Ό", "ό")], threshold=0.9)
    assert match["score"] == 1.0


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_any_arrow_text_is_scanned_like_a_list(kind: Any) -> None:
    rows = ["nothing here", None, FOX, "", f"x {OWL}", FOX]
    index = BenchmarkIndex.build({"bench": pa.array([None, FOX, OWL]).cast(kind)})
    expected = index.scan(rows)
    column = pa.array(rows).cast(kind)
    assert index.scan(column).equals(expected)
    assert index.scan(pa.chunked_array([column[:3], column[3:3], column[3:]])).equals(expected)
    assert expected.column("row").to_pylist() == [2, 4, 5]
    assert index.scan(column[2:5]).column("row").to_pylist() == [0, 2]


def test_nothing_scanned_is_an_empty_table_of_the_same_schema() -> None:
    index = BenchmarkIndex.build({"bench": [FOX]})
    for nothing in ([], pa.array([], pa.string()), pa.chunked_array([], pa.string()), [None, ""]):
        assert index.scan(nothing).schema == MATCHES
        assert index.scan(nothing).num_rows == 0


def test_a_benchmark_without_items_is_refused_with_a_sentence() -> None:
    with pytest.raises(BadInput, match="Benchmark GPQA has no items"):
        BenchmarkIndex.build({"MMLU": ["x"], "GPQA": []})
    with pytest.raises(BadInput, match="no benchmark"):
        BenchmarkIndex.build({})


@pytest.mark.parametrize("texts", [[1, 2], pa.array([1, 2]), [b"bytes \xff"], [FOX, 3]])
def test_what_is_not_text_is_refused_with_a_sentence(texts: Any) -> None:
    with pytest.raises(BadInput, match="must be"):
        BenchmarkIndex.build({"bench": [FOX]}).scan(texts)


@pytest.mark.parametrize(
    "wrong", [{"n": 2}, {"n": 0}, {"n": 8.0}, {"n": True}, {"threshold": 1}, {"threshold": -0.1}, {"threshold": "x"},
                 {"threshold": float("nan")}, {"n": 100_000}],
)  # fmt: skip
def test_a_configuration_checks_itself(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadConfig):
        NgramConfig(**wrong)


def test_the_plain_rule_is_the_default_for_ever() -> None:
    assert NgramConfig() == NgramConfig(n=8, threshold=0.5)
    with pytest.raises(AttributeError):
        NgramConfig().n = 9  # type: ignore[misc]


# ---- against the plain rule

TOKENS = [
    "a",
    "B",
    "b",
    "ΑΣ",
    "ας",
    "İ",
    "i",
    "é",
    "É",
    "_",
    "9",
    "中文",
    "𐐀",
    "ſ",
    "K",
    "k",
    "averyveryverylongword1",
    "x" * 40,
]
GAPS = [" ", " ", " ", ", ", "'", "\u0301", "\n\n", " 😀 ", "-", "\u00ad", " … "]
sentences = st.lists(
    st.tuples(st.sampled_from(TOKENS[:6]) | st.sampled_from(TOKENS), st.sampled_from(GAPS)), max_size=40
).map(lambda pairs: "".join(token + gap for token, gap in pairs))
noise = st.text(alphabet="aAbΣσİ ,.'é_中\u0301😀\ud800", max_size=60)
configs = st.builds(
    NgramConfig, n=st.integers(3, 8), threshold=st.sampled_from([0, 0.2, 0.5, 0.65, 0.9, 0.99])
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, list[str]], list[str]]:
    """Benchmarks whose items share boilerplate and repeat, and rows stitched from pieces of them."""
    stem = draw(sentences)
    fresh = draw(st.lists(sentences | noise, min_size=1, max_size=5))
    items = [*fresh, *(f"{stem} {text} {stem[: len(stem) // 2]}" for text in fresh[:2]), fresh[0]]
    pieces = st.sampled_from(items).flatmap(
        lambda text: st.integers(0, len(text)).map(lambda cut: text[cut:] + text[:cut])
    )
    rows = draw(
        st.lists(st.lists(st.sampled_from(items) | pieces | noise, max_size=4).map(" ".join), max_size=6)
    )
    half = len(items) // 2
    return {"second": items[half:], "first": items[:half]}, rows


@settings(max_examples=300, deadline=None)
@given(cases(), configs)
def test_results_are_those_of_the_plain_rule(
    case: tuple[dict[str, list[str]], list[str]], config: NgramConfig
) -> None:
    benchmarks, rows = case
    assert BenchmarkIndex.build(benchmarks, config).scan(rows).to_pylist() == plain(benchmarks, rows, config)


@settings(max_examples=150, deadline=None)
@given(cases(), configs, st.sampled_from([0, 1 << 63, 1 << 61, 1 << 58]), st.sampled_from([0, 1, 2, 6]))
def test_results_do_not_depend_on_the_quality_of_hashes(
    case: tuple[dict[str, list[str]], list[str]], config: NgramConfig, multiplier: int, level: int
) -> None:
    """With multiplier 0 all words have the same hash, with 1 << 63 two hashes are left."""
    benchmarks, rows = case
    index = BenchmarkIndex.build(benchmarks, config, _tuning=Tuning(multiplier, level))
    assert index.scan(rows).to_pylist() == plain(benchmarks, rows, config)


@settings(max_examples=200, deadline=None)
@given(cases(), configs, st.sampled_from([0, 1, 2]))
def test_results_do_not_depend_on_what_counts_as_boilerplate(
    case: tuple[dict[str, list[str]], list[str]], config: NgramConfig, level: int
) -> None:
    benchmarks, rows = case
    index = BenchmarkIndex.build(benchmarks, config, _tuning=Tuning(shared_level=level))
    assert index.scan(rows).to_pylist() == plain(benchmarks, rows, config)


def test_spans_cut_out_the_same_words_on_both_sides() -> None:
    item = f"{FOX} unrelated {OWL}"
    row = f"{OWL}! İΣ, {FOX.upper()}? So {OWL}"
    (match,) = scan([item], [row])
    cut_row = {tuple(words(cut)) for cut in cuts(row, match["train_spans"])}
    assert (
        cut_row
        == {tuple(words(cut)) for cut in cuts(item, match["item_spans"])}
        == {tuple(words(FOX)), tuple(words(OWL))}
    )


# ---- size and threads


def test_sixty_thousand_items_with_one_template_stay_apart() -> None:
    stem = "Read the following passage with care and then answer the question below"
    items = [f"{stem}: " + " ".join(f"{letter}{k}" for letter in "abcdefghijklm") for k in range(60_000)]
    index = BenchmarkIndex.build({"bench": items}, NgramConfig())
    found = index.scan([f"{stem} number {k}" for k in range(2000)] + [items[123], items[59_999].upper()])
    assert found.column("item").to_pylist() == [123, 59_999]
    assert found.column("score").to_pylist() == [1.0, 1.0]


def test_items_that_are_mostly_one_template_are_hit_by_what_exceeds_the_threshold_only() -> None:
    before = "Read the following passage with care and then answer the question below"
    behind = "give your final answer as one letter and explain in short why"
    slots = [" ".join(f"{letter}{k}" for letter in "abcdefghijk"[: 3 + k % 9]) for k in range(20_000)]
    items = [f"{before}: {slot}. {behind}" for slot in slots]
    rows = [before, behind, f"{before} {behind}", f"{behind}! {slots[7]} ({before}", items[19_997]]
    found = BenchmarkIndex.build({"bench": items}, NgramConfig(threshold=0.7)).scan(rows)
    short = [k for k in range(20_000) if 24 / (27 + k % 9) > 0.7]
    hits = {row: found.filter(pc.equal(found["row"], row))["item"].to_pylist() for row in range(5)}
    assert 7 in short and 19_997 not in short
    assert hits == {0: [], 1: [], 2: short, 3: short, 4: sorted([*short, 19_997])}


def test_a_row_may_quote_every_item() -> None:
    items = [f"item{k} " + " ".join(f"w{k}x{j}" for j in range(9)) for k in range(70_000)]
    found = BenchmarkIndex.build({"bench": items}).scan([". ".join(items), items[5]])
    assert found.column("item").to_pylist() == [*range(70_000), 5]
    spans = found.column("train_spans").combine_chunks().flatten()
    assert spans.field("end").to_pylist()[-2] == len(". ".join(items))


def test_a_row_of_one_repeated_word_is_no_trap() -> None:
    row = "spam " * 200_000
    (match,) = scan(["spam " * 3000], [row])
    assert match["train_spans"] == [{"start": 0, "end": len(row) - 1}]


def test_a_huge_row_costs_memory_for_one_huge_row() -> None:
    chance = "lorem ipsum dolor sit amet consectetur elit sed do ei"
    row = f"{chance * 100_000} {FOX}"
    (match,) = scan([FOX], [row, "short", "short"])
    assert cuts(row, match["train_spans"]) == [FOX]


def test_threads_share_an_index() -> None:
    items = [f"{FOX} {k} {OWL}" for k in range(300)]
    index = BenchmarkIndex.build({"bench": items})
    rows = [items[k % 300] if k % 3 else "nothing of it" for k in range(3000)]
    expected = index.scan(rows)
    with ThreadPoolExecutor(4) as pool:
        assert all(found.equals(expected) for found in pool.map(index.scan, [rows] * 8))


def test_the_index_knows_its_size() -> None:
    index = BenchmarkIndex.build({"bench": [f"{FOX} {k}" for k in range(1000)]})
    assert sys.getsizeof("") < index.nbytes < 1_000_000
