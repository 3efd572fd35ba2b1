"""Folding and splitting in kernels, against the plain rule."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.engine.text.folding import character_at, count_characters, fold, folded_size
from curation.engine.text.jit import _files, kernel
from curation.engine.text.ngrams import MULTIPLIER, hash_words, locate_words
from curation.engine.text.words import code_points, words

TROUBLE = "aZ9_ .,'ΣσςİıÉé中ⱥȺßẞſK\u0301\u00ad\u200b\u0345ʰ\u0000\ud800𐐀😀𝟗٣"


@kernel
def offset(folded: object, before: object, position: int) -> int:
    return character_at(folded, 0, before, position)


def split(data: bytes, begin: int, end: int) -> tuple[list[str], list[tuple[int, int]], list[int]]:
    """Words, character ranges and hashes of data[begin:end], by the kernels."""
    raw, size = np.frombuffer(data, np.uint8), end - begin
    folded = np.full(folded_size(size), 7, np.uint8)
    length = fold(raw, begin, end, code_points(), folded, 0)
    hashes = np.zeros(size + 1, np.uint32)
    starts, ends, before = (np.zeros(size + 2, np.int32) for _ in range(3))
    count = hash_words(folded, 0, length, np.uint64(MULTIPLIER), hashes, 0)
    assert locate_words(folded, 0, length, starts, ends) == count
    count_characters(folded, 0, length, before)
    found = [
        bytes(folded[start:stop]).decode() for start, stop in zip(starts[:count], ends[:count], strict=True)
    ]
    places = [(offset(folded, before, starts[k]), offset(folded, before, ends[k])) for k in range(count)]
    return found, places, hashes[:count].tolist()


def check(text: str) -> None:
    raw = text.encode("utf-8", "surrogatepass")
    for padding in (b"", b"xx" * 40):  # with and without neighbours in the buffer
        found, places, hashes = split(padding + raw + padding, len(padding), len(padding) + len(raw))
        assert found == words(text)
        assert [alone(text[start:end]) for start, end in places] == [alone(word) for word in found]
        assert len(set(zip(found, hashes, strict=True))) == len(set(found))


def alone(text: str) -> str:
    """The only word in `text`, whatever its sigmas would be elsewhere."""
    (word,) = words(text.replace("Σ", "σ").replace("ς", "σ"))
    return word


@settings(deadline=None)
@given(st.text(alphabet=TROUBLE, max_size=200))
def test_any_text_splits_like_the_plain_rule(text: str) -> None:
    check(text)


@settings(deadline=None)
@given(st.text(max_size=100))
def test_any_unicode_splits_like_the_plain_rule(text: str) -> None:
    check(text)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 62, 63, 64, 65, 127, 128, 129, 5000])
@pytest.mark.parametrize("pattern", ["a", "a ", " a", "é", "中 ", "ab_9 ", "aaaaaaaaaaaaaaaaaaaaaaaa "])
def test_block_edges_neither_split_nor_join_words(size: int, pattern: str) -> None:
    check((pattern * size)[:size])


def test_every_character_between_letters_splits_like_the_plain_rule() -> None:
    codes = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    text = " ".join(f"A{chr(code)}Z" for code in codes)
    assert split(text.encode(), 0, len(text.encode()))[0] == words(text)


def test_long_sentences_of_mixed_scripts_split_like_the_plain_rule() -> None:
    chance = random.Random(7)
    for _ in range(200):
        check("".join(chance.choices(TROUBLE + "etaoin shrdlu" * 5, k=chance.randrange(400))))


@pytest.mark.parametrize(
    "word", ["a", "abcdefgh", "abcdefghi", "abcdefghijklmnop", "abcdefghijklmnopq", "é" * 40]
)
def test_a_word_has_one_hash_wherever_it_stands(word: str) -> None:
    text = f"{word} x, {word}! -{word}".encode()
    hashes = split(text, 0, len(text))[2]
    assert len({hashes[0], hashes[2], hashes[3]}) == 1 != len(set(hashes))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=100))
def test_bytes_that_are_no_text_do_no_harm(data: bytes) -> None:
    raw, folded = np.frombuffer(data, np.uint8), np.full(folded_size(len(data)) + 8, 7, np.uint8)
    length = fold(raw, 0, len(data), code_points(), folded, 0)
    assert 0 <= length <= len(data) + len(data) // 2
    assert set(folded[-8:].tolist()) == {7}


def test_a_kernel_is_compiled_again_when_a_file_changes_that_it_calls() -> None:
    names = {Path(path).name for path in _files(locate_words.py_func)}  # type: ignore[attr-defined]
    assert names == {"jit.py", "ngrams.py", "vectors.py"}
