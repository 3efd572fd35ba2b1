"""
Texts as the normalised pass compares them, and the way back to the text as it was written.

NFKC and case folding, so that full-width and ligature forms agree; characters of Chinese and Japanese as words of their
own; identifiers split at underscores and capitals; every number as 0 (but not the digits behind a letter: x1 is another
name than x2), and numbers in a row as one of them, so that an item with other numbers in it is still the item while
lists of numbers are not each other.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from curation.engine.text.jit import ZERO, Array, kernel
from decontam.engine.texts import buffers
from decontam.engine.unifying import unified, unified_with_origins

GROWTH = 2  # at most a space before each byte
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
    data, at = buffers(unified(texts))
    out, ends = np.empty(GROWTH * int(at[-1] - at[0]) + 1, np.uint8), np.zeros(len(at), np.int64)
    rewrite(data, at, _CLASSES, _BYTES, out, ends)
    return pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(ends), pa.py_buffer(out))


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
        unified, came_from = unified_with_origins(text)
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
