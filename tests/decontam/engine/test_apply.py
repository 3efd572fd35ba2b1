import orjson
import pyarrow as pa
import pytest

from curation.engine.errors import BadConfig, Refused
from curation.engine.records import REMOVED
from decontam.engine.apply import CONTAMINATED, FALSE_ALARM, ApplyConfig, decide, guard, split


def match(row, item, score=0.8, benchmark="quiz", suppressed=None, seq=1):
    return {
        "seq": seq,
        "record_id": row,
        "row_fingerprint": f"f{row}",
        "item_fingerprint": f"f{item}",
        "benchmark": benchmark,
        "item_id": item,
        "method": "ngram",
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


@pytest.mark.parametrize("wrong", [{"policy": "shred"}, {"max_removed": 0}, {"max_removed": 1.1}])
def test_a_config_checks_itself(wrong):
    with pytest.raises(BadConfig):
        ApplyConfig(**wrong)


def test_a_batch_is_split_in_its_own_order():
    batch = pa.record_batch({"id": ["c", "a", "d", "b"], "n": [3, 1, 4, 2]})
    going = pa.table(
        {"record_id": ["a", "b", "z"], "reason": ["1", "2", "3"], "evidence": ["", "", ""]}, schema=REMOVED
    )
    kept, gone = split(batch, going)
    assert kept.column("n").to_pylist() == [3, 4]
    assert gone.column("reason").to_pylist() == ["1", "2"]


def test_a_ruling_lets_a_suppressed_match_count_again():
    rulings = {("fa", "f1"): CONTAMINATED, ("fb", "f1"): FALSE_ALARM}
    found = [match(row, "1", suppressed="boilerplate") for row in "abc"]
    decision = decide(found, rulings, ApplyConfig(policy="ruled"))
    assert removed(decision) == ["a"]
    assert (decision.false_alarms, decision.suppressed) == (1, 1)
