import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decontam.engine.unifying import unified, unified_with_origins


def one(text):
    return unified(pa.array([text], pa.large_string()))[0].as_py()


def nfkc(text):
    return unicodedata.normalize("NFKC", text).translate(
        str.maketrans({"ß": "ss", "ẞ": "ss", "ς": "σ", "Σ": "σ"})
    )


@pytest.mark.parametrize(
    ("written", "one_form"),
    [
        ("plain", "plain"),
        ("ﬁ ½ x² Ⅳ …", "fi 1⁄2 x2 IV ..."),
        ("a\u00a0b\u3000c", "a b c"),
        ("e\u0301tude", "étude"),
        ("\u1112\u1161\u11ab", "한"),
        ("ｶﾞ㍿", " ガ  株  式  会  社 "),
        ("𝛓 ﷺ", "σ صلى الله عليه وسلم"),
    ],
)
def test_compatible_forms_are_one(written, one_form):
    assert one(written) == one_form


def test_no_character_beyond_the_table_has_another_form():
    beyond = (chr(code) for code in range(0x30000, 0x110000))
    assert all(unicodedata.is_normalized("NFKC", character) for character in beyond)


def test_every_letter_outside_chinese_and_japanese_agrees_with_the_standard():
    ours = [chr(code) for code in (*range(128, 0x2E80), *range(0xA000, 0xAC00), *range(0xFB00, 0xFE00))]
    texts = [character for character in ours if unicodedata.category(character)[0] in "LNPSZ"]
    assert unified(pa.array(texts, pa.large_string())).to_pylist() == [nfkc(text) for text in texts]


@given(st.text(st.characters(max_codepoint=0x2E7F, categories=("L", "M", "N", "P", "Z")), max_size=30))
def test_marks_compose_as_the_standard_says(text):
    assert one(text) == nfkc(text)


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=30), max_size=5))
def test_texts_are_unified_one_by_one_whatever_stands_in_them(texts):
    assert unified(pa.array(texts, pa.large_string())).to_pylist() == [one(text) for text in texts]


def test_characters_are_known_by_where_they_come_from():
    made, places = unified_with_origins("aﬁ中b")
    assert made == "afi 中 b" and places.tolist() == [0, 1, 1, 2, 2, 3, 3]


def test_a_text_that_is_cut_off_in_a_character_is_left_as_it_is():
    broken = pa.array(["ab é".encode()[:-1], "ﬁ".encode()], pa.large_binary()).view(pa.large_string())
    assert unified(broken).view(pa.large_binary()).to_pylist() == [b"ab \xc3", b"fi"]
