import orjson
import pyarrow as pa
import pytest

from curation.engine.errors import BadConfig, Refused
from curation.engine.records import REMOVED, fingerprint, from_batch, to_batch
from decontam.engine.apply import CONTAMINATED, DECIDED, FALSE_ALARM, ApplyConfig, decide, guard, split
from decontam.engine.cutting import without
from tests.conftest import record


def match(row, item, score=0.8, benchmark="quiz", suppressed=None, seq=1, found_by=("ngram",)):
    return {
        "seq": seq,
        "record_id": row,
        "row_fingerprint": f"f{row}",
        "item_fingerprint": f"f{item}",
        "benchmark": benchmark,
        "item_id": item,
        "method": found_by[0],
        "found_by": list(found_by),
        "score": score,
        "suppressed": suppressed,
    }


def removed(decision):
    return decision.removed.column("record_id").to_pylist()


def test_every_row_with_a_match_goes_once_in_the_order_of_ids():
    decision = decide([match("b", "1"), match("a", "1"), match("b", "2")], {}, ApplyConfig())
    assert removed(decision) == ["a", "b"]
    assert (decision.matches, decision.by_benchmark) == (3, {"quiz": 2})


def test_the_reason_names_the_best_match_and_how_many_there_are():
    (row,) = decide(
        [match("a", "1", 0.6), match("a", "2", 0.9), match("a", "3", 0.7)], {}, ApplyConfig()
    ).removed.to_pylist()
    assert row["reason"] == "ngram match with quiz item 2 and 2 more"
    assert [told["item_id"] for told in orjson.loads(row["evidence"])] == ["1", "2", "3"]


def test_evidence_of_a_row_with_very_many_matches_is_cut():
    (row,) = decide([match("a", str(i)) for i in range(1000)], {}, ApplyConfig()).removed.to_pylist()
    assert len(orjson.loads(row["evidence"])) == 20 and row["reason"].endswith("and 999 more")


def test_a_false_alarm_and_a_suppressed_match_do_not_count():
    rulings = {("fa", "f1"): FALSE_ALARM}
    decision = decide(
        [match("a", "1"), match("b", "1", suppressed="boilerplate"), match("c", "1")], rulings, ApplyConfig()
    )
    assert removed(decision) == ["c"]
    assert (decision.false_alarms, decision.suppressed, decision.unruled_kept) == (1, 1, 0)


def test_a_ruling_is_about_a_pair_and_not_about_the_row():
    rulings = {("fa", "f1"): FALSE_ALARM}
    assert removed(decide([match("a", "1"), match("a", "2")], rulings, ApplyConfig())) == ["a"]


def test_what_only_meaning_found_waits_for_a_person():
    found = [match(row, "1", found_by=("semantic",)) for row in "abc"] + [
        match("d", "1", found_by=("near", "semantic")),
        match("e", "1", found_by=("semantic",), suppressed="boilerplate"),
    ]
    rulings = {("fa", "f1"): CONTAMINATED, ("fb", "f1"): FALSE_ALARM}
    decision = decide(found, rulings, ApplyConfig())
    assert removed(decision) == ["a", "d"]
    assert (decision.meaning_kept, decision.false_alarms, decision.suppressed) == (1, 1, 1)
    assert decide(found, rulings, ApplyConfig(policy="ruled")).meaning_kept == 1


def test_a_policy_may_say_that_meaning_counts():
    found = [match("a", "1", found_by=("semantic",))]
    decision = decide(found, {}, ApplyConfig(meaning=True))
    assert (removed(decision), decision.meaning_kept) == (["a"], 0)
    assert decide(found, {}, ApplyConfig(meaning=True, policy="ruled")).unruled_kept == 1


def test_under_ruled_only_what_was_ruled_contaminated_goes():
    rulings = {("fa", "f1"): CONTAMINATED, ("fb", "f1"): FALSE_ALARM}
    decision = decide(
        [match("a", "1"), match("b", "1"), match("c", "1")], rulings, ApplyConfig(policy="ruled")
    )
    assert removed(decision) == ["a"]
    assert (decision.false_alarms, decision.unruled_kept) == (1, 1)


def test_a_person_who_says_contaminated_is_not_overruled_by_a_threshold_of_matches():
    rulings = {("fa", "f1"): CONTAMINATED}
    assert removed(decide([match("a", "1", 0.51)], rulings, ApplyConfig(policy="ruled"))) == ["a"]


def test_nothing_found_is_nothing_removed():
    decision = decide([], {}, ApplyConfig())
    assert decision.removed.schema == REMOVED and len(decision.removed) == decision.matches == 0


def test_the_guard_lets_pass_what_was_agreed_to():
    guard(50, 100, ApplyConfig(max_removed=0.5))
    guard(0, 0, ApplyConfig())
    with pytest.raises(Refused, match=r"would remove 51 of 100 rows \(51.0%\), more than the 50%"):
        guard(51, 100, ApplyConfig(max_removed=0.5))
    with pytest.raises(Refused, match=r"\(1.0%\), more than the 0.1% that may go"):
        guard(1, 100, ApplyConfig(max_removed=0.001))


@pytest.mark.parametrize(
    "wrong",
    [
        {"policy": "shred"},
        {"max_removed": 0},
        {"max_removed": 1.1},
        {"dev": "burn"},
        {"unseen": ""},
        {"source_above": 2},
        {"source_above": float("nan")},
    ],
)
def test_a_config_checks_itself(wrong):
    with pytest.raises(BadConfig):
        ApplyConfig(**wrong)


def batch_of(*texts):
    return to_batch([record("chats", i, text, "Yes.") for i, text in enumerate(texts)])


def decided(batch, *said):
    """`said` are (position, action, cuts) of some rows of the batch."""
    ids = batch.column("id").to_pylist()
    rows = [
        {"record_id": ids[k], "reason": f"because {k}", "evidence": "[]", "action": action, "cuts": cuts}
        for k, action, cuts in said
    ]
    return pa.Table.from_pylist(rows, DECIDED)


def cut_from(text, shared, turn=0):
    return [{"turn": turn, "start": text.index(shared), "end": text.index(shared) + len(shared)}]


def texts_of(batch):
    return [turns[0]["content"] for turns in batch.column("messages").to_pylist()]


def test_a_batch_is_split_in_its_own_order():
    batch = batch_of("c", "a", "d", "b")
    some = split(batch, decided(batch, (3, "drop", []), (1, "drop", [])))
    assert texts_of(some.kept) == ["c", "d"] and some.quarantined.num_rows == 0
    assert some.removed.schema == REMOVED
    assert some.removed.column("reason").to_pylist() == ["because 1", "because 3"]


def test_a_ruling_lets_a_suppressed_match_count_again():
    rulings = {("fa", "f1"): CONTAMINATED, ("fb", "f1"): FALSE_ALARM}
    found = [match(row, "1", suppressed="boilerplate") for row in "abc"]
    decision = decide(found, rulings, ApplyConfig(policy="ruled"))
    assert removed(decision) == ["a"]
    assert (decision.false_alarms, decision.suppressed) == (1, 1)


def test_rows_in_quarantine_are_said_to_be_removed_and_are_kept_apart():
    batch = batch_of("one", "two", "three")
    some = split(batch, decided(batch, (1, "quarantine", []), (2, "drop", [])))
    assert (texts_of(some.kept), texts_of(some.quarantined)) == (["one"], ["two"])
    assert some.removed.num_rows == 2


def test_a_row_that_is_cut_stays_in_its_place_with_a_note_and_another_fingerprint():
    text = "Please tell: how many legs has it, then? Thanks."
    batch = batch_of("before", text, "after")
    some = split(batch, decided(batch, (1, "cut", cut_from(text, "how many legs has it"))))
    assert texts_of(some.kept) == ["before", "Please tell: , then? Thanks.", "after"]
    ids, prints = (some.kept.column(name).to_pylist() for name in ("id", "fingerprint"))
    assert ids == batch.column("id").to_pylist()
    before = batch.column("fingerprint").to_pylist()
    assert (prints[0], prints[2]) == (before[0], before[2]) and prints[1] != before[1]
    (content,) = [one.content for one in from_batch(some.kept)[1:2]]
    assert prints[1] == fingerprint(content) and content.meta["cut"] == "because 1: 20 characters cut"
    assert (some.cut, some.emptied, some.removed.num_rows) == (1, 0, 0)


def test_a_row_of_which_cutting_leaves_nothing_goes():
    text = "How many legs?!"
    batch = batch_of("kept", text)
    some = split(batch, decided(batch, (1, "cut", cut_from(text, "How many legs"))))
    assert texts_of(some.kept) == ["kept"] and (some.cut, some.emptied) == (0, 1)
    assert some.removed.to_pylist()[0]["reason"] == "because 1; cutting it would leave nothing"


@pytest.mark.parametrize(
    ("spans", "left"),
    [([(0, 3)], "def"), ([(2, 4), (1, 3)], "aef"), ([(0, 6)], ""), ([], "abcdef"), ([(1, 5), (2, 3)], "af")],
)
def test_overlapping_spans_are_cut_once(spans, left):
    assert without("abcdef", spans) == left


# ---- by role

LINES = [
    {"benchmark": "quiz", "role": "dev", "items": 100},
    {"benchmark": "exam", "role": "unseen", "items": 10},
]


def fates(decision):
    return {row["record_id"]: row["action"] for row in decision.decided.to_pylist()}


def test_the_role_of_the_benchmark_says_what_becomes_of_a_row_and_the_strictest_wins():
    found = [
        with_spans(match("a", "1")),
        with_spans(match("b", "1", benchmark="exam")),
        with_spans(match("c", "1")),
        with_spans(match("c", "2", benchmark="exam")),
    ]
    decision = decide(found, {}, ApplyConfig(dev="cut", unseen="quarantine"), LINES)
    assert fates(decision) == {"a": "cut", "b": "quarantine", "c": "quarantine"}
    assert removed(decision) == ["b", "c"] and decision.by_benchmark == {"exam": 2, "quiz": 1}
    assert [row["reason"][:13] for row in decision.removed.to_pylist()] == ["quarantined: "] * 2


def test_only_what_was_found_word_for_word_is_cut():
    found = [with_spans(match("a", "1")) | {"method": "semantic"}, with_spans(match("b", "1"))]
    assert fates(decide(found, {}, ApplyConfig(dev="cut"), LINES)) == {"a": "drop", "b": "cut"}


def test_a_source_is_condemned_by_its_counting_matches_with_a_held_out_benchmark():
    found = [match("a", "1", benchmark="exam"), match("b", "1", benchmark="exam"), match("c", "1")]
    quiz, exam = sorted(decide(found, {}, ApplyConfig(), LINES).struck, key=lambda one: -one.items)
    assert (exam.items_hit, exam.rows, exam.share) == (1, 2, 0.1)
    assert exam.condemns(0.02) and not exam.condemns(0.1) and not quiz.condemns(0)
    cleared = {(f"f{row}", "f1"): FALSE_ALARM for row in "ab"}
    assert not any(one.condemns(0.02) for one in decide(found, cleared, ApplyConfig(), LINES).struck)


def with_spans(found):
    return found | {"turn": 0, "train_spans": [{"start": 0, "end": 5}]}
