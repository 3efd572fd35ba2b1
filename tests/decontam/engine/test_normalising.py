import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decontam.engine.normalising import Written, normalised


def one(text):
    return normalised(pa.array([text], pa.large_string()))[0].as_py()


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("3 apples and 4.5 pears, 1,000 plums.", "0 apples and 0 pears, 0 plums."),
        ("[1, 2, 3,400] then 5", "[0, , ] then 0"),
        ("read_file readFile HTTPServer x1y W12 7km 3rd", "read file read File HTTPServer x1y W12 0km 0rd"),
        ("Ｆｕｌｌ １２ ﬁne", "Full 0 fine"),
        ("Straße ΟΔΟΣ", "Strasse ΟΔΟσ"),
        ("中文 ab", " 中  文  ab"),
        ("", ""),
    ],
)
def test_texts_are_compared_without_their_numbers_forms_and_joints(written, compared):
    assert one(written) == compared


def test_a_list_of_numbers_is_one_number():
    assert one("-1 2 3\n4, 5; (6)").count("0") == 1


def words_and_origins(text):
    compared = one(text)
    at = np.array([found.span() for found in re.finditer(r"\w+", compared)], np.int64).reshape(-1, 2)
    starts, ends = Written(text, compared).spans(at[:, 0], at[:, 1])
    return [(compared[a:b], text[c:d]) for (a, b), c, d in zip(at, starts, ends, strict=True)]


def test_each_word_is_known_by_where_it_was_written():
    assert words_and_origins("user_idName has 3.14 中é") == [
        ("user", "user"),
        ("id", "id"),
        ("Name", "Name"),
        ("has", "has"),
        ("0", "3.14"),
        ("中", "中"),
        ("é", "é"),
    ]


def test_where_composing_changes_the_length_the_whole_text_is_named():
    text = "e\u0301tude and more"
    assert set(words_and_origins(text)) == {("étude", text), ("and", text), ("more", text)}


@given(st.lists(st.text(max_size=40), max_size=5))
def test_texts_are_normalised_one_by_one_and_places_lie_inside_them(texts):
    together = normalised(pa.array(texts, pa.large_string())).to_pylist()
    assert together == [one(text) for text in texts]
    for text in texts:
        for _, origin in words_and_origins(text):
            assert origin in text
