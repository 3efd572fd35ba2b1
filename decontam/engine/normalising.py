"""
Texts as the normalised pass compares them, and the way back to the text as it was written.

NFKC and case folding, so that full-width and ligature forms agree; characters of Chinese and Japanese as words of their
own; identifiers split at underscores and capitals; every number as 0 (but not the digits behind a letter: x1 is another
name than x2), and numbers in a row as one of them, so that an item with other numbers in it is still the item while
lists of numbers are not each other.
"""

import re
import sys
import unicodedata
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.text.jit import ZERO, Array, kernel
from decontam.engine.texts import buffers

GROWTH = 2  # at most a space before each byte
_WIDE = (  # Han, Hiragana, Katakana: one class for RE2 and for re
    "[\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U000323af]"
)
_is_wide = re.compile(_WIDE).match
_FOLDED = {"ß": "ss", "ẞ": "ss", "ς": "σ", "Σ": "σ"}  # what lower-casing leaves and case folding does not
_OTHER, _DIGIT, _POINT, _UPPER, _LOWER = range(5)
_CLASSES = np.full(256, _OTHER, np.uint8)
_CLASSES[ord("0") : ord("9") + 1] = _DIGIT
_CLASSES[[ord(","), ord(".")]] = _POINT
_CLASSES[ord("A") : ord("Z") + 1] = _UPPER
_CLASSES[ord("a") : ord("z") + 1] = _LOWER
_CLASSES[128:] = _LOWER  # bytes of other characters: letters for all that is decided here
_BYTES = np.arange(256, dtype=np.uint8)
_BYTES[ord("_")] = ord(" ")


def normalised(texts: Any) -> Any:
    """A `large_string` array without nulls, text by text as the normalised pass compares it."""
    data, at = buffers(_unified(texts))
    out, ends = np.empty(GROWTH * int(at[-1] - at[0]) + 1, np.uint8), np.zeros(len(at), np.int64)
    rewrite(data, at, _CLASSES, _BYTES, out, ends)
    return pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(ends), pa.py_buffer(out))


def _unified(texts: Any) -> Any:
    """Compatible forms of characters as one, wide ones as words; only rows that have some are touched."""
    foreign = pc.invert(pc.string_is_ascii(texts))
    if not pc.any(foreign).as_py():
        return texts
    some = texts.filter(foreign)
    some = _changed(some, _unstable(), lambda them: pc.utf8_normalize(them, "NFKC"))
    for written, folded in _FOLDED.items():
        some = _changed(some, written, partial(pc.replace_substring, pattern=written, replacement=folded))
    some = _changed(some, _WIDE, lambda them: pc.replace_substring_regex(them, f"({_WIDE})", r" \1 "))
    return pc.replace_with_mask(texts, foreign, some)


def _changed(texts: Any, pattern: str, change: Callable[[Any], Any]) -> Any:
    """Looking for a pattern is ten times as fast as changing a text that does not have it."""
    has = pc.match_substring_regex(texts, pattern)
    return pc.replace_with_mask(texts, has, change(texts.filter(has))) if pc.any(has).as_py() else texts


@cache
def _unstable() -> str:
    """A class of the characters that NFKC may change, by themselves or with those before them."""
    codes = [
        code for code in range(128, sys.maxunicode + 1) if not 0xD800 <= code < 0xE000 and _may_change(code)
    ]
    at = np.array(codes)
    starts, ends = at[np.diff(at, prepend=-1) > 1], at[np.diff(at, append=1 << 30) > 1]
    return (
        "["
        + "".join(f"\\x{{{start:x}}}-\\x{{{end:x}}}" for start, end in zip(starts, ends, strict=True))
        + "]"
    )


def _may_change(code: int) -> bool:
    character = chr(code)
    return unicodedata.combining(character) > 0 or not unicodedata.is_normalized("NFKC", character)


@kernel
def rewrite(data: Any, at: Any, classes: Any, letters: Any, out: Any, ends: Any) -> None:
    """Numbers as 0, underscores as spaces, a space before a capital behind a small letter or a digit."""
    j = ZERO
    for row in range(len(at) - 1):
        in_number, after_small, after_letter, listing = False, False, False, False
        for i in range(at[row], at[row + 1]):
            kind, following = classes[data[i]], _OTHER
            if i + 1 < at[row + 1]:
                following = classes[data[i + 1]]
            if kind == _DIGIT and after_letter:
                kind = _LOWER
            number = kind == _DIGIT or (kind == _POINT and in_number and following == _DIGIT)
            begins = number and not in_number
            out[j] = 32
            j += kind == _UPPER and after_small
            out[j] = 48 if number else letters[data[i]]
            j += not number or (begins and not listing)
            listing = number or (listing and kind < _UPPER)
            in_number, after_small, after_letter = (
                number,
                number or kind == _LOWER,
                kind >= _UPPER,
            )
        ends[row + 1] = j


@kernel
def trace(data: Any, classes: Any, origins: Any) -> int:
    """Where in a text each byte of what `rewrite` makes of it comes from; returns how many those are."""
    j = ZERO
    in_number, after_small, after_letter, listing = False, False, False, False
    for i in range(len(data)):
        kind, following = classes[data[i]], _OTHER
        if i + 1 < len(data):
            following = classes[data[i + 1]]
        if kind == _DIGIT and after_letter:
            kind = _LOWER
        number = kind == _DIGIT or (kind == _POINT and in_number and following == _DIGIT)
        begins = number and not in_number
        origins[j] = i
        j += kind == _UPPER and after_small
        origins[j] = i
        j += not number or (begins and not listing)
        listing = number or (listing and kind < _UPPER)
        in_number, after_small, after_letter = (
            number,
            number or kind == _LOWER,
            kind >= _UPPER,
        )
    return int(j)


class Written:
    """A text as it was written, and where in it each character of its normalised form comes from."""

    def __init__(self, text: str, compared: str) -> None:
        """`compared` is what `normalised` made of the text."""
        unified, came_from = _unified_with_origins(text)
        data = np.frombuffer(unified.encode("utf-8", "surrogatepass"), np.uint8)
        origins = np.empty(GROWTH * len(data) + 1, np.int64)
        origins = origins[: trace(data, _CLASSES, origins)]
        begins = (data & 0xC0) != 0x80
        characters = np.cumsum(begins) - 1
        self._at = np.append(came_from[characters[origins[begins[origins]]]], len(text))
        self._known = len(self._at) == len(compared) + 1

    def spans(self, starts: Array, ends: Array) -> tuple[Array, Array]:
        """
        Half-open character ranges of the normalised text as ranges of the text as written. Where composing made the
        two differ in length, the whole text is named: evidence is never put in a wrong place.
        """
        if not self._known:
            return np.zeros_like(starts), np.full_like(ends, self._at[-1])
        return self._at[starts], np.maximum(self._at[ends], self._at[starts] + 1)


def _unified_with_origins(text: str) -> tuple[str, Array]:
    """What `_unified` makes of a text, character by character, and the place of the one that each comes from."""
    if text.isascii():
        return text, np.arange(len(text), dtype=np.int64)
    made: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        folded = _FOLDED.get(character, character)
        for one in unicodedata.normalize("NFKC", folded):
            made.append(f" {one} " if _is_wide(one) else one)
            places += [place, place, place + 1] if len(made[-1]) == 3 else [place]
    return "".join(made), np.array(places, np.int64)
