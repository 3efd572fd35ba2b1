"""The table that the kernels read says of every code point what Python says."""

import re

import pytest

from curation.engine.text.words import BREAKS, CASED, IGNORABLE, LOWER, code_points, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't panic, Mr. Smith_2!", ["don", "t", "panic", "mr", "smith_2"]),
        ("", []),
        (" …!? ", []),
        ("ΟΔΟΣ ΣΑΣ", ["οδος", "σας"]),
        ("İstanbul", ["i", "stanbul"]),  # lower-cased: i + a combining dot, which is in no word
        ("STRASSE ẞ", ["strasse", "ß"]),
        ("价格是9元。٣٤", ["价格是9元", "٣٤"]),
        ("a\u0301b", ["a", "b"]),  # combining marks are in no word
        ("𐐀𐐁 𝟗", ["𐐨𐐩", "𝟗"]),
    ],
)
def test_words_are_runs_of_word_characters_in_lower_case(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_the_table_gives_every_code_point_its_word_in_lower_case() -> None:
    table = code_points()
    for code in range(0x110000):
        found = re.findall(r"\w+", chr(code).lower())
        word = found[0] if found else ""
        entry = int(table[code])
        assert (entry & LOWER, len(word)) == (ord(word) if word else 0, len(found)), hex(code)
        assert bool(entry & BREAKS) == (bool(word) and chr(code).lower() != word), hex(code)


def test_the_table_knows_beside_which_characters_a_sigma_is_final() -> None:
    table = code_points()
    for code in range(0x110000):
        cased, either = ((before + chr(code) + "Σ").lower()[-1] == "ς" for before in ("", "A"))
        assert bool(table[code] & CASED) == cased, hex(code)
        assert bool(table[code] & IGNORABLE) == (either and not cased), hex(code)


def test_the_table_is_shared_and_read_only() -> None:
    assert code_points() is code_points()
    with pytest.raises(ValueError, match="read-only"):
        code_points()[0] = 1
