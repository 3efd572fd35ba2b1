"""Rows of a benchmark that ask the same are one item."""

import pyarrow as pa

from decontam.engine.distinct import distinct

META = pa.map_(pa.string(), pa.string())


def kept(*rows: tuple[str, bool | None]) -> list[int]:
    asked = pa.array([question for question, _ in rows], pa.string())
    notes = [[] if right is None else [("is_correct", str(right).lower())] for _, right in rows]
    return distinct(asked, pa.array(notes, META)).tolist()


def test_the_first_of_rows_that_ask_the_same_stands_for_all() -> None:
    assert kept(("b", None), ("a", None), ("b", None), ("a", None), ("c", None)) == [0, 1, 4]


def test_the_row_with_the_right_answer_is_preferred() -> None:
    assert kept(("a", False), ("a", True), ("b", False), ("a", True), ("b", None)) == [1, 2]


def test_rows_that_ask_nothing_stand_for_themselves() -> None:
    assert kept(("", None), ("a", None), ("", True), ("", None)) == [0, 1, 2, 3]


def test_case_and_spaces_tell_questions_apart() -> None:
    assert kept(("What is it?", None), ("what is it?", None), ("What is  it?", None)) == [0, 1, 2]


def test_nothing_stays_nothing() -> None:
    assert kept() == []
