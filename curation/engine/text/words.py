"""
What a word is: `re.findall(r"\\w+", text.lower())`, as Tülu 3 splits prompts (arXiv 2411.15124 §3.2).

`words` is that rule. `code_points` is the same rule as a table for the compiled kernels, asked of this very
Python's `str.lower` and `re`, so both always speak the same Unicode version.
"""

import re
from functools import cache
from typing import Any, TypeAlias

import numpy as np

Codes: TypeAlias = np.ndarray[Any, np.dtype[np.uint32]]
Flags: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]

LOWER = 0x1FFFFF  # mask: the lower-cased code point; 0 where it is no part of a word
BREAKS = 1 << 21  # lower-casing appends characters outside \w, which end the word: İ → i + U+0307
CASED = 1 << 22  # decides whether a Σ beside it is final
IGNORABLE = 1 << 23  # is looked through by that decision

_word_runs = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """The words of `text` in order, lower-cased; punctuation and spaces are gone."""
    return _word_runs.findall(text.lower())


@cache
def code_points() -> Codes:
    """uint32 for each of the 1,114,112 code points: LOWER, BREAKS, CASED and IGNORABLE; built once, read-only."""
    table = np.arange(0x110000, dtype=np.uint32)
    is_word = np.zeros(len(table), bool)
    for run in _word_runs.finditer(_text(table)):
        is_word[run.start() : run.end()] = True
    for part in (table[:0x20000], table[0xE0000:0xE1000]):  # ideographs and private planes have no case
        _describe(part)
    table[~is_word] &= ~np.uint32(LOWER)
    table.setflags(write=False)
    return table


def _describe(part: Codes) -> None:
    """Replace the code points in `part` by their lower case and flags."""
    first = int(part[0])
    growing = [code - first for code in _growing(first, first + len(part))]
    part[growing] = 0
    cased, either = _makes_sigma_final("", part), _makes_sigma_final("A", part)
    part[:] = _codes(_text(part).lower())
    for at in growing:
        part[at] = ord(chr(first + at).lower()[0]) | BREAKS
        cased[at], either[at] = ((before + chr(first + at) + "Σ").lower()[-1] == "ς" for before in ("", "A"))
    part[cased] |= CASED
    part[either & ~cased] |= IGNORABLE


def _text(codes: Codes) -> str:
    return codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


def _codes(text: str) -> Codes:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def _growing(start: int, stop: int) -> list[int]:
    """Code points whose lower case is longer than one: they would shift all positions behind them."""
    blocks = ("".join(map(chr, range(first, first + 256))) for first in range(start, stop, 256))
    return [ord(c) for block in blocks if len(block.lower()) > 256 for c in block if len(c.lower()) > 1]


def _makes_sigma_final(before: str, every: Codes) -> Flags:
    """For each code point c: does Python lower the Σ of `before + c + Σ` to ς?"""
    lines = np.full((len(every), len(before) + 3), ord("\n"), np.uint32)
    lines[:, : len(before)] = _codes(before)
    lines[:, -3], lines[:, -2] = every, ord("Σ")
    final: Flags = _codes(_text(lines.ravel()).lower()).reshape(lines.shape)[:, -2] == ord("ς")
    return final
