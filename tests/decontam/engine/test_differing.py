import pyarrow as pa
import pytest

from decontam.engine.differing import COLUMNS, LOOKED_AT, difference
from tests.decontam.conftest import match


def batches(*matches):
    rows = [{name: (m | {"seq": n + 1})[name] for name in COLUMNS} for n, m in enumerate(matches)]
    return [pa.RecordBatch.from_pylist(rows, LOOKED_AT)] if rows else []


def changes(found):
    return [tuple(row.values()) for row in found.found.to_pylist()]


def test_pairs_are_gone_new_changed_or_the_same():
    older = [match("a", "1"), match("b", "1"), match("c", "1", score=0.6), match("d", "1")]
    newer = [
        match("d", "1", suppressed="boilerplate"),
        match("a", "1"),
        match("c", "1", score=0.7),
        match("e", "2"),
    ]
    found = difference(batches(*older), batches(*newer))
    assert found.counts == {("quiz", "ngram"): {"changed": 2, "gone": 1, "new": 1, "same": 1}}
    assert changes(found) == [
        ("changed", "quiz", "ngram", 4, 1),
        ("changed", "quiz", "ngram", 3, 3),
        ("gone", "quiz", "ngram", 2, None),
        ("new", "quiz", "ngram", None, 4),
    ]
    assert found.total("changed") == 2 and found.total("same") == 1


def test_benchmarks_methods_and_turns_are_told_apart():
    older = [match("a", "1"), match("a", "1", benchmark="exam")]
    newer = [match("a", "1") | {"turn": 2}, match("a", "1", benchmark="exam", method="near")]
    found = difference(batches(*older), batches(*newer))
    assert found.counts == {("exam", "near"): {"same": 1}, ("quiz", "ngram"): {"gone": 1, "new": 1}}
    assert found.places("gone", "quiz").tolist() == [0] and found.places("gone", "exam").tolist() == []
    assert (
        found.places("", method="ngram").tolist() == [0, 1] and found.places("new", method="x").tolist() == []
    )


def test_a_text_that_occurs_twice_is_one_pair():
    twin = match("a", "1") | {"record_id": "b"}
    found = difference(batches(match("a", "1"), twin), batches(match("a", "1"), twin, twin))
    assert found.counts == {("quiz", "ngram"): {"same": 1}} and len(found.found) == 0


def test_a_pair_that_still_counts_somewhere_is_not_suppressed():
    twin = match("a", "1", suppressed="boilerplate") | {"record_id": "b"}
    found = difference(batches(match("a", "1"), twin), batches(match("a", "1")))
    assert found.total("same") == 1


@pytest.mark.parametrize("older", [[], [match("a", "1")]])
def test_against_nothing_everything_is_gone_or_nothing_is(older):
    found = difference(batches(*older), batches())
    assert found.total("gone") == len(older) == len(found.found)
    assert found.places("new").tolist() == []
