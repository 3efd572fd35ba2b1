"""
One form for what is the same text: NFKC and case folding, so that full-width letters and ligatures agree, and a space
on both sides of each Chinese or Japanese character, so that it is a word of its own.

Almost every character has its form by itself, which is a table and one pass over the bytes. Only texts with characters
that compose with those before them go through a real normalisation first.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.text.jit import ZERO, Array, inlined, kernel
from decontam.engine.texts import buffers

_WIDE = re.compile(  # Han, Hiragana, Katakana
    "[\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U000323af]"
)
_FOLDED = {"ß": "ss", "ẞ": "ss", "ς": "σ", "Σ": "σ"}  # what lower-casing leaves and case folding does not
_FOLD = str.maketrans(_FOLDED)
_CODES, _NORMALISED_BELOW = 0x110000, 0x30000
_SAME, _COMPOSES = 0, -1
_LAST, _REST = np.uint32(_CODES - 1), np.uint32(0x3F)
_LEAD = np.array([0, 0, 0x1F, 0x0F, 0x07], np.uint32)


class _Forms(NamedTuple):
    """`of` each code point: _SAME, _COMPOSES, or k + 1 for the form data[at[k]:at[k + 1]]."""

    of: Array  # int32[_CODES]
    data: Array  # uint8
    at: Array  # int64


def unified(texts: Any) -> Any:
    """A `large_string` array without nulls; only texts that are not ASCII are touched."""
    foreign = pc.invert(pc.string_is_ascii(texts))
    if not pc.any(foreign).as_py():
        return texts
    return pc.replace_with_mask(texts, foreign, _rewritten(texts.filter(foreign)))


def _rewritten(texts: Any, composed: bool = False) -> Any:
    data, at = buffers(texts)
    ends, composes = np.zeros(len(at), np.int64), np.zeros(len(texts), bool)
    measure(data, at, _forms(), ends, composes)
    if composes.any() and not composed:
        some = pa.array(composes)
        normal = pc.utf8_normalize(texts.filter(some), "NFKC")
        return _rewritten(pc.replace_with_mask(texts, some, normal), composed=True)
    out = np.empty(int(ends[-1]), np.uint8)
    replace(data, at, _forms(), out)
    return pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(ends), pa.py_buffer(out))


def unified_with_origins(text: str) -> tuple[str, Array]:
    """What `unified` makes of a text, character by character, and the place of the one that each comes from."""
    if text.isascii():
        return text, np.arange(len(text), dtype=np.int64)
    made = list(map(_form, text))
    places = np.repeat(np.arange(len(text)), np.fromiter(map(len, made), np.int64, len(made)))
    together = "".join(made)
    for wide in _WIDE.finditer(together):
        places[wide.end()] += 1  # the space behind it belongs to what follows
    return together, places


@lru_cache(maxsize=1 << 16)
def _form(character: str) -> str:
    same = unicodedata.normalize("NFKC", character).translate(_FOLD)
    return _WIDE.sub(r" \g<0> ", same)


@cache
def _forms() -> _Forms:
    of, forms = np.zeros(_CODES, np.int32), list[bytes]()
    of[list(_composing())] = _COMPOSES
    for code in _changing():
        form = _form(chr(code))
        if of[ord(form[0])] == _COMPOSES:
            of[code] = _COMPOSES
        else:
            forms.append(form.encode())
            of[code] = len(forms)
    return _Forms(of, np.frombuffer(b"".join(forms), np.uint8), np.cumsum([0, *map(len, forms)]))


def _composing() -> Iterator[int]:
    """What may change the character before it, or be put in another order with it."""
    for code in range(128, _NORMALISED_BELOW):
        character = chr(code)
        if unicodedata.combining(character):
            yield code
        parts = unicodedata.decomposition(character).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            yield int(parts[1], 16)
    yield from range(0x1161, 0x11C3)  # vowels and final consonants of Hangul


def _changing() -> Iterator[int]:
    for code in (*range(128, 0xD800), *range(0xE000, 0x323B0)):
        character = chr(code)
        if not unicodedata.combining(character) and _form(character) != character:
            yield code


@inlined
def _form_at(data: Any, i: int, end: int, of: Any) -> tuple[Any, Any]:
    """`of` the character at `i`, which is not ASCII, and where the next begins; what is cut off is as it is."""
    lead = np.uint32(data[i])
    size = 2 + (lead >= 0xE0) + (lead >= 0xF0)
    if i + size > end:
        return _SAME, end
    code = (lead & _LEAD[size]) << np.uint32(6) | np.uint32(data[i + 1]) & _REST
    if size > 2:
        code = code << np.uint32(6) | np.uint32(data[i + 2]) & _REST
    if size > 3:
        code = min(code << np.uint32(6) | np.uint32(data[i + 3]) & _REST, _LAST)
    return of[code], i + size


@kernel
def measure(data: Any, at: Any, forms: _Forms, ends: Any, composes: Any) -> None:
    """Where each text ends when all characters have their forms, and whether it has one that composes."""
    size = ZERO
    for row in range(len(at) - 1):
        i, end = at[row], at[row + 1]
        size += end - i
        while i < end:
            if data[i] < 128:
                i += 1
                continue
            form, following = _form_at(data, i, end, forms.of)
            if form > 0:
                size += forms.at[form] - forms.at[form - 1] - (following - i)
            elif form == _COMPOSES:
                composes[row] = True
            i = following
        ends[row + 1] = size


@kernel
def replace(data: Any, at: Any, forms: _Forms, out: Any) -> None:
    """Write all texts with the forms of their characters."""
    j = ZERO
    for row in range(len(at) - 1):
        i, end = at[row], at[row + 1]
        while i < end:
            if data[i] < 128:
                out[j] = data[i]
                i, j = i + 1, j + 1
                continue
            form, following = _form_at(data, i, end, forms.of)
            if form > 0:
                for k in range(forms.at[form - 1], forms.at[form]):
                    out[j] = forms.data[k]
                    j += 1
            else:
                for k in range(i, following):
                    out[j] = data[k]
                    j += 1
            i = following
