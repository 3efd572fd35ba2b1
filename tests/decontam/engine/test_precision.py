import random

import numpy as np
import pyarrow as pa
import pytest

from curation.engine.errors import BadConfig
from decontam.engine.background import Background, Counts, Hashed
from decontam.engine.detecting import Detector
from decontam.engine.precision import (
    COMMON_WORDS,
    PARTIAL,
    SINGLE,
    STOCK,
    UNDER,
    Precision,
    PrecisionConfig,
    Strength,
)

NOUNS = ["kettle", "ladder", "pigeon", "cactus", "violin", "anchor"]
NOUNS += ["walnut", "saddle", "lantern", "magnet", "paddle", "trumpet"]
HARBOUR = (
    "A ferry carries nine lorries across the harbour every forty minutes and burns thirty litres of fuel on each "
    "crossing. How many litres does it burn before the ninetieth lorry has reached the other shore?"
)
TEMPLATE = "Write a short function to find the first {} in a given text."


def source(rows=200, seed=4):
    """Rows of a source that asks for functions of every kind and about nothing else."""
    chance = random.Random(seed)
    return [
        TEMPLATE.format(f"{chance.choice(NOUNS)} {chance.choice(NOUNS)}") + f" Row {k}." for k in range(rows)
    ]


def judged(items, rows, sample=None, **config):
    detector = Detector.build({"quiz": items})
    settings = PrecisionConfig(**config)
    background = Precision.sample(detector, sample if sample is not None else rows, settings)
    judge = Precision(detector, background, settings)
    found = judge.judge(detector.scan(rows), rows).to_pylist()
    return {(match["row"], match["item"]): match for match in found}


def reasons(*args, **config):
    return {pair: match["suppressed"] for pair, match in judged(*args, **config).items()}


def test_a_quoted_item_counts_and_nobody_doubts_it():
    match = judged([HARBOUR], [*source(), f"Solve this. {HARBOUR}"])[200, 0]
    assert (match["suppressed"], match["share"], match["doubt"]) == ("", 1.0, 0.0)
    assert match["bits"] > 80


def test_a_template_around_another_subject_says_nothing_of_the_item():
    item = TEMPLATE.format("palindromic octagon")
    assert set(reasons([item], source()).values()) == {COMMON_WORDS}


FIRST = "Find the first word that is repeated in a given text."
HALVES = [f"Find the first word that is {noun}" for noun in NOUNS]
HALVES += [f"{noun} that is repeated in a given text" for noun in NOUNS]
HALVES += [f"the first word that is repeated in {noun}" for noun in NOUNS]


def test_a_phrase_that_stands_in_rows_without_the_item_is_a_stock_phrase():
    row = f"How would you do it? {FIRST}"
    assert reasons([FIRST], [*source(), row])[200, 0] == ""
    assert reasons([FIRST], [*source(), *HALVES, row])[236, 0] == STOCK


def test_a_stock_phrase_that_is_the_whole_text_is_the_item_all_the_same():
    assert reasons([FIRST], [*source(), *HALVES, FIRST.upper()])[236, 0] == ""


def test_what_leaked_often_is_no_stock_phrase():
    rows = [f"{noun}: {HARBOUR} {noun}" for noun in NOUNS]
    assert set(reasons([HARBOUR], [*source(), *rows]).values()) == {""}


def test_a_phrase_that_many_items_share_identifies_none_of_them():
    tasks = [
        f"{noun.title()} and more. Answer with the letter of the right choice and nothing else."
        for noun in NOUNS
    ]
    rows = ["Answer with the letter of the right choice and nothing else. Which bird sings at noon?"]
    assert set(reasons(tasks, [*source(), *rows]).values()) == {COMMON_WORDS}
    assert reasons(tasks, [*source(), tasks[0]])[200, 0] == ""


def test_part_of_a_long_item_counts_and_part_of_a_short_one_does_not():
    words = HARBOUR.split()
    long, short = " ".join(words[: 3 * len(words) // 4]), "The magnet near the old ladder attracts a rusty"
    found = reasons([HARBOUR, f"{short} walnut"], [*source(), long, f"{short} trumpet"])
    assert (found[200, 0], found[201, 1]) == ("", PARTIAL)


def test_single_characters_are_no_evidence_unless_all_are_there():
    item = "Simplify (a+b)(c+d)(e+f)(g+h)(i+j)(k+l) fully"
    found = reasons([item], [*source(), "compute (a+b)(c+d)(e+f)(g+h)(i+j)(k+l) modulo", item])
    assert (found[200, 0], found[201, 0]) == (SINGLE, "")


def test_a_threshold_for_a_benchmark_replaces_the_lines():
    words = HARBOUR.split()
    row = " ".join(words[: 3 * len(words) // 4])
    assert reasons([HARBOUR], [*source(), row], thresholds={"quiz": 0.95})[200, 0] == UNDER
    assert reasons([HARBOUR], [*source(), row], thresholds={"quiz": 0.1})[200, 0] == ""


@pytest.mark.parametrize(
    ("strength", "strong"),
    [
        (Strength(1, 5, whole=True), True),
        (Strength(0.91, 41), True),
        (Strength(0.91, 39), False),
        (Strength(0.67, 81), True),
        (Strength(0.66, 300), False),
        (Strength(1, 500, whole=True, reason=STOCK), False),
        (Strength(0.94, 70, loose=True), False),
        (Strength(0.96, 70, loose=True), True),
        (Strength(0.81, 90, loose=True), True),
    ],
)
def test_three_lines_say_what_counts_by_itself(strength, strong):
    assert strength.strong is strong


def test_doubt_grows_with_what_is_missing_and_shrinks_with_methods_that_agree():
    words = HARBOUR.split()
    found = judged([HARBOUR], [*source(), HARBOUR.replace("ferry", "barge"), " ".join(words[:26])])
    assert 0 < found[200, 0]["doubt"] < found[201, 0]["doubt"] < 1


def test_without_a_sample_words_are_weighed_by_the_benchmarks_alone():
    detector = Detector.build({"quiz": [HARBOUR]})
    (match,) = Precision(detector).judge(detector.scan([HARBOUR]), [HARBOUR]).to_pylist()
    assert match["suppressed"] == "" and match["bits"] > 0


def test_the_plain_rule_is_not_judged():
    with pytest.raises(BadConfig, match="default profile"):
        Precision(Detector.build({"quiz": [HARBOUR]}, profile="plain"))


@pytest.mark.parametrize(
    "wrong",
    [{"at_least": 2}, {"thresholds": {"quiz": 1.5}}, {"thresholds": {"quiz": True}}, {"stock_rows": 0}],
)
def test_settings_that_cannot_be_meant_are_refused(wrong):
    with pytest.raises(BadConfig):
        PrecisionConfig(**wrong)


def test_a_background_survives_being_written_down_and_adds_up():
    one = Background(3, Counts(np.array([1, 5], np.uint64), np.array([2, 3])), Counts())
    two = Background(4, Counts(np.array([5, 9], np.uint64), np.array([1, 4])), Counts())
    read = Background.read((one + two).table().to_batches())
    assert (read.rows, read.words.of(np.array([1, 5, 9, 7], np.uint64)).tolist()) == (7, [2, 4, 4, 0])
    assert read.phrases.of(np.array([1], np.uint64)).tolist() == [0]


def test_texts_are_counted_once_for_each_of_their_hashes():
    hashed = Hashed.of(pa.array(["a b a", "b", ""], pa.large_string()), 2)
    a, b = hashed.words_of(0)[:2]
    assert hashed.texts_with(hashed.words).of(np.array([a, b], np.uint64)).tolist() == [1, 2]
    assert [len(hashed.words_of(k)) for k in range(3)] == [3, 1, 0]


def test_a_literal_quotation_counts_although_items_of_its_benchmark_share_its_phrases():
    tasks = [
        f"{noun.title()} and more. Answer with the letter of the right choice and nothing else."
        for noun in NOUNS
    ]
    assert reasons(tasks, [*source(), f"Well. {tasks[3]} Go on."])[200, 3] == ""


def test_a_language_without_spaces_is_not_single_characters():
    item = "小明有三个苹果他又买了五个请问他一共有多少个苹果"
    (found,) = reasons([item], [*source(), f"请回答{item[:-4]}谢谢"]).values()
    assert found != SINGLE


def test_what_leaked_with_changes_is_no_stock_phrase():
    words = HARBOUR.split()
    rows = [" ".join([*words[: 2 * len(words) // 3], noun]) for noun in NOUNS]
    assert set(reasons([HARBOUR], [*source(), *rows, HARBOUR]).values()) <= {"", PARTIAL}


def test_a_pair_is_judged_by_the_method_that_covers_most_of_it():
    item = HARBOUR.replace("nine", "7").replace("thirty", "13")
    match = judged([item], [*source(), item.replace("7", "9").replace("13", "31")])[200, 0]
    assert (match["method"], match["share"]) == ("ngram", 1.0) and match["score"] < 1


def test_what_is_common_elsewhere_is_common_and_other_sources_hide_no_stock_phrase():
    row = f"How would you do it? {FIRST}"
    detector = Detector.build({"quiz": [FIRST]})
    here, there = (
        Precision.sample(detector, rows) for rows in ([*source(), row], [*source(seed=9), *HALVES])
    )

    def reason(*backgrounds):
        judge = Precision(detector, backgrounds[0], None, *backgrounds[1:])
        return judge.judge(detector.scan([row]), [row]).to_pylist()[0]["suppressed"]

    assert reason(here) == ""
    assert reason(here, there) == STOCK
    many = Background(100_000, Counts(), Counts())
    assert reason(Precision.sample(detector, [*source(), *HALVES, row]), many) == STOCK
