"""The semantic method with an encoder that anybody can compute: words hashed into 64 numbers."""

import random
import zlib
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from curation.engine.errors import BadConfig, BadInput
from decontam.engine.index import MATCHES
from decontam.engine.semantic import Calibration, SemanticConfig, SemanticIndex
from decontam.engine.semantic.lexical import Vocabulary, split
from decontam.engine.semantic.passages import windows
from decontam.engine.semantic.spans import closest

NOUNS = [
    f"{a}{b}" for a in ("lan", "mor", "tis", "vel", "kor", "sun") for b in ("ta", "go", "rim", "sel", "dup")
]
VERBS = [f"{a}{b}" for a in ("bra", "cli", "fro", "ste") for b in ("ked", "ned", "sed", "ted")]


class Hashed:
    """Words hashed into 64 numbers: texts of the same words are equal, whatever their order."""

    name = "hashed"

    def encode(self, texts: Any) -> np.ndarray:
        vectors = np.zeros((len(texts), 64), np.float32)
        for row, text in enumerate(texts):
            for word in split(text):
                vectors[row, zlib.crc32(word.encode()) % 64] += 1
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def sentence(chance: random.Random) -> str:
    words = [chance.choice(NOUNS if k % 2 else VERBS) for k in range(14)]
    return " ".join([*words, str(chance.randrange(1000))])


def prose(count: int, seed: int) -> list[str]:
    chance = random.Random(seed)
    return [sentence(chance) for _ in range(count)]


def turned(text: str, seed: int = 1) -> str:
    """The same words, beginning somewhere else."""
    words = text.split()
    begin = random.Random(seed).randrange(3, len(words) - 3)
    return " ".join(words[begin:] + words[:begin])


ITEMS, CLEAN = prose(30, 1), prose(800, 2)


@pytest.fixture(scope="module", params=["encoder", "words only"])
def index(request: Any) -> SemanticIndex:
    return SemanticIndex.build({"quiz": ITEMS}, Hashed() if request.param == "encoder" else None)


@pytest.fixture(scope="module")
def calibration(index: SemanticIndex) -> Calibration:
    return index.calibrate(CLEAN)


def found(table: pa.Table) -> set[tuple[int, str, int]]:
    return {(match["row"], match["benchmark"], match["item"]) for match in table.to_pylist()}


def test_an_item_told_in_another_order_is_found_and_prose_is_not(
    index: SemanticIndex, calibration: Calibration
) -> None:
    rows = [prose(1, 99)[0], turned(ITEMS[3]), "", None, "?!", ITEMS[7]]
    matches = index.scan(rows, calibration)
    assert matches.schema == MATCHES
    assert {(1, "quiz", 3), (5, "quiz", 7)} <= found(matches)
    assert not {0, 2, 3, 4} & {row for row, _, _ in found(matches)}
    assert set(matches["method"].to_pylist()) == {"semantic"}


def test_scores_are_certainties_and_grow_with_likeness(
    index: SemanticIndex, calibration: Calibration
) -> None:
    half = " ".join([*ITEMS[3].split()[:11], *prose(1, 5)[0].split()[:4]])
    scores = {match["row"]: match["score"] for match in index.scan([half, ITEMS[3]], calibration).to_pylist()}
    assert 0.99 <= scores.get(0, 0.99) < scores[1] < 1


def test_the_stated_rate_holds_on_rows_that_were_never_seen(
    index: SemanticIndex, calibration: Calibration
) -> None:
    quiz = calibration.backgrounds["quiz"]
    assert quiz.rows_fitted + quiz.rows_set_aside == quiz.rows_held_out == 400
    assert quiz.fitted_rate <= 0.01
    assert quiz.held_out_rate <= 0.03
    flagged = {row for row, _, _ in found(index.scan(prose(2000, 77), calibration))}
    assert len(flagged) <= 60


def test_a_tenth_of_contaminated_background_is_set_aside() -> None:
    index = SemanticIndex.build({"quiz": ITEMS}, Hashed())
    dirty = [turned(ITEMS[k % 15], seed=k) for k in range(80)]
    calibration = index.calibrate(CLEAN[:720] + dirty)
    assert calibration.backgrounds["quiz"].rows_set_aside > 20
    rows = [turned(item, seed=1000) for item in ITEMS]
    assert {(k, "quiz", k) for k in range(30)} <= found(index.scan(rows, calibration))


def test_calibration_depends_on_neither_order_nor_repetition(
    index: SemanticIndex, calibration: Calibration
) -> None:
    again = index.calibrate([*reversed(CLEAN), *CLEAN[:50], " ", None]).backgrounds["quiz"]
    assert again.threshold == calibration.backgrounds["quiz"].threshold
    assert again.held_out_rate == calibration.backgrounds["quiz"].held_out_rate


def test_a_calibration_travels_as_a_table(index: SemanticIndex, calibration: Calibration) -> None:
    rows = [turned(item) for item in ITEMS] + CLEAN[:50]
    sent = Calibration.from_table(calibration.to_table())
    assert index.scan(rows, sent).equals(index.scan(rows, calibration))
    with pytest.raises(BadInput, match="no calibration"):
        Calibration.from_table(pa.table({"a": [1]}))


def test_a_calibration_of_other_items_is_refused(calibration: Calibration) -> None:
    with pytest.raises(BadConfig, match="calibrate again"):
        SemanticIndex.build({"quiz": ITEMS[1:]}, None).scan(CLEAN, calibration)


def test_people_can_look_at_the_highest_clean_rows(calibration: Calibration) -> None:
    highest = calibration.backgrounds["quiz"].highest
    assert len(highest) == 20
    assert [one["score"] for one in highest] == sorted((one["score"] for one in highest), reverse=True)
    shared = set(split(CLEAN[highest[0]["row"]])) & set(split(ITEMS[highest[0]["item"]]))
    assert len(shared) >= 4


def test_every_benchmark_has_a_threshold_of_its_own() -> None:
    index = SemanticIndex.build({"one": ITEMS[:10], "two": prose(40, 8)}, Hashed())
    calibration = index.calibrate(CLEAN)
    one, two = (calibration.backgrounds[name] for name in ("one", "two"))
    assert one.threshold != two.threshold
    assert len(one.shared) == 10
    assert len(two.near) == 40
    assert (0, "one", 4) in found(index.scan([turned(ITEMS[4])], calibration))


def test_the_best_piece_of_a_long_row_counts_and_is_shown(
    index: SemanticIndex, calibration: Calibration
) -> None:
    filler = ". ".join(prose(150, 12))
    row = f"{filler}. {ITEMS[5]}. {filler}"
    (match,) = (m for m in index.scan([row], calibration).to_pylist() if m["item"] == 5)
    spans = [row[span["start"] : span["end"]] for span in match["train_spans"]]
    assert any(ITEMS[5] in span for span in spans)
    assert sum(map(len, spans)) < 1000
    assert match["item_spans"] == [{"start": 0, "end": len(ITEMS[5])}]


def test_at_most_top_k_items_are_reported_for_a_row() -> None:
    index = SemanticIndex.build(
        {"quiz": [*ITEMS, *[ITEMS[0]] * 5]}, None, SemanticConfig(encoder="", top_k=3)
    )
    matches = index.scan([ITEMS[0]], index.calibrate(CLEAN))
    assert [match["item"] for match in matches.to_pylist()] == [0, 30, 31]


def test_items_without_words_are_listed_and_match_nothing() -> None:
    index = SemanticIndex.build({"quiz": ["!?", *ITEMS, None]}, Hashed())
    assert index.unchecked == {"quiz": [0, 31]}
    assert not {item for _, _, item in found(index.scan(["!?", ""], index.calibrate(CLEAN)))}
    with pytest.raises(BadInput, match="Benchmark none has no item with a word"):
        SemanticIndex.build({"none": ["...", ""]}, None)


def test_one_item_alone_can_be_looked_for() -> None:
    index = SemanticIndex.build({"needle": [ITEMS[0]]}, Hashed())
    assert found(index.scan([CLEAN[0], turned(ITEMS[0])], index.calibrate(CLEAN))) == {(1, "needle", 0)}


def test_blocks_of_items_give_what_one_block_gives(
    index: SemanticIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [turned(item) for item in ITEMS] + CLEAN[:100]
    whole = index.scan(rows, index.calibrate(CLEAN))
    monkeypatch.setattr("decontam.engine.semantic.closeness.CELLS", 4000)
    assert index.scan(rows, index.calibrate(CLEAN)).equals(whole)


def test_too_little_background_is_refused_with_the_number_it_takes(index: SemanticIndex) -> None:
    with pytest.raises(BadInput, match="cannot be measured on 150 distinct rows: it takes 200"):
        index.calibrate(CLEAN[:150] * 3)


def test_half_a_surrogate_pair_is_text_like_any_other(index: SemanticIndex, calibration: Calibration) -> None:
    assert (0, "quiz", 2) in found(index.scan([f"{ITEMS[2]} \ud800"], calibration))


def test_more_items_than_can_be_compared_by_meaning_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decontam.engine.semantic.index.MOST_ITEMS", len(ITEMS) - 1)
    with pytest.raises(BadInput, match="too many to compare each with every row by meaning"):
        SemanticIndex.build({"quiz": ITEMS}, Hashed())


def test_rows_that_are_not_text_are_refused(index: SemanticIndex, calibration: Calibration) -> None:
    with pytest.raises(BadInput, match="strings"):
        index.scan([1, 2], calibration)


def test_progress_is_told_while_texts_are_encoded() -> None:
    told: list[tuple[int, int]] = []
    SemanticIndex.build({"quiz": ITEMS}, Hashed(), progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 30), (30, 30)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"false_alarms": 0},
        {"false_alarms": True},
        {"top_k": 0},
        {"window": 1.5},
        {"background": 10},
        {"encoder": 3},
    ],
)
def test_a_config_checks_itself(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadConfig):
        SemanticConfig(**wrong)


def test_words_are_split_as_code_and_scripts_need_it() -> None:
    assert split("```python\ndef isBelow_zero(x2):\n```") == ["def", "is", "below", "zero", "x", "2"]
    assert split("3.5 Äpfel, ﬁnden") == ["3.5", "äpfel", "finden"]
    assert split("中文x") == ["中", "文", "x"]


def test_features_are_words_and_pairs_of_neighbours() -> None:
    vocabulary = Vocabulary.of(["red fox runs", "fox red"])
    assert vocabulary.size == 3 + 3
    assert vocabulary.features(["red fox", "fox cat red", "cat"]).sum(axis=1).ravel().tolist() == [[3, 2, 0]]


def test_long_texts_are_cut_between_words_into_overlapping_windows() -> None:
    text = "word " * 400
    cut = windows(text, 200, 1000)
    assert cut[0][0] == 0
    assert cut[-1][1] == len(text)
    assert all(end - start <= 300 and text[start] == "w" for start, end in cut)
    assert all(after[0] < before[1] for before, after in pairwise(cut))
    assert len(windows(text, 200, 5)) <= 5
    assert windows(" \n", 200, 5) == []


def test_spans_are_the_sentences_that_share_most() -> None:
    text = "Nothing here. A garment needs two bolts. Of blue fibre it needs two bolts. The end."
    spans = closest(text, "a garment takes two bolts of blue fibre")
    assert [text[a:b] for a, b in spans] == ["A garment needs two bolts. Of blue fibre it needs two bolts."]
    assert closest("xyz", "abc") == [(0, 3)]
