"""
From UTF-8 to folded text: lower case, with one separator byte for every character that is in no word.

ASCII goes 64 bytes at a time, everything else through the table of `words.code_points`. Characters keep their
number and order (see `vectors` for the layout), so offsets into the original are counted in folded text.
"""

from typing import Any

import numpy as np

from curation.engine.text.jit import inlined, kernel
from curation.engine.text.vectors import (
    BREAK,
    SPARE,
    bit_count,
    characters64,
    fold64,
    lowest_bit,
    separate64,
)
from curation.engine.text.words import BREAKS, CASED, IGNORABLE, LOWER

CAPITAL_SIGMA, SIGMA, FINAL_SIGMA = 0x3A3, 0x3C3, 0x3C2
LONGEST = 2**31 - 1  # bytes of one text; positions inside a text are int32


def folded_size(size: int) -> int:
    """Room that `fold` needs for a text of `size` UTF-8 bytes: Ⱥ (2 bytes) becomes ⱥ (3 bytes)."""
    return size + size // 2 + 2 * SPARE


@kernel
def fold(data: Any, begin: int, end: int, table: Any, folded: Any, at: int) -> int:
    """
    Fold the UTF-8 text `data[begin:end]` into `folded[at:]`, followed by SPARE separators; returns its length.

    `table` is `words.code_points()`. Bytes that are not UTF-8 separate words; nothing outside is read.
    """
    i, j = begin, at
    while i < end:
        ascii_run = _fold_ascii(data, i, end, folded, j)
        i += ascii_run
        j += ascii_run
        while i < end and data[i] >= 0x80:
            size, code = _decode(data, i, end)
            entry = table[code]
            if code == CAPITAL_SIGMA:
                entry = np.uint32(_lower_sigma(data, begin, i, end, table))
            j = _write(folded, j, entry)
            i += size
    separate64(folded, j)
    separate64(folded, j + 64)
    return j - at


@kernel
def squeeze(data: Any, begin: int, end: int, table: Any, out: Any, at: int) -> int:
    """
    Write the UTF-8 text `data[begin:end]` in lower case to `out[at:]` and return its length.

    A run of white space becomes one space, or none at either end; everything else stays. Needs `folded_size` bytes.
    """
    i, j, gap = begin, at, False
    while i < end:
        size, code = _character(data, i, end)
        if _is_space(code):
            gap = j > at
        else:
            if gap:
                out[j] = 0x20
                j, gap = j + 1, False
            j = _lower(data, i, size, code, table, out, j)
        i += size
    return j - at


@inlined
def _is_space(code: Any) -> Any:
    """White space as `str.isspace` has it."""
    if code < 0x80:
        return 9 <= code <= 13 or 28 <= code <= 32
    if code < 0x1680:
        return code == 0x85 or code == 0xA0
    if 0x2000 <= code <= 0x205F:
        return code <= 0x200A or code == 0x2028 or code == 0x2029 or code == 0x202F or code == 0x205F
    return code == 0x1680 or code == 0x3000


@inlined
def _lower(data: Any, i: int, size: int, code: Any, table: Any, out: Any, j: int) -> int:
    """Append one character in lower case, or as it is where it has none, and return the new end."""
    lower = np.uint32(table[code] & np.uint32(LOWER)) if data[i] >= 0x80 else np.uint32(0)
    if lower:
        return _write(out, j, lower)
    for k in range(size):
        byte = data[i + k]
        out[j + k] = byte | 0x20 if 0x41 <= byte <= 0x5A else byte
    return j + size


@inlined
def _fold_ascii(data: Any, i: int, end: int, folded: Any, j: int) -> int:
    """Fold up to the next byte that is not ASCII, 64 bytes at most; returns how many."""
    left = min(end - i, 64)
    if i + 64 <= len(data):
        others = fold64(data, i, folded, j)
    else:
        for k in range(left):
            folded[j + k] = data[i + k]
        others = fold64(folded, j, folded, j)
    run: int = min(left, lowest_bit(others))
    return run


@inlined
def _decode(data: Any, i: int, end: int) -> tuple[int, Any]:
    """Size in bytes and code point of the character at `i`; (1, 0) where there is none."""
    lead = np.int64(data[i])
    if 0xC2 <= lead < 0xE0 and i + 2 <= end:
        return 2, (lead & 0x1F) << 6 | data[i + 1] & 0x3F
    if 0xE0 <= lead < 0xF0 and i + 3 <= end:
        return 3, (lead & 0x0F) << 12 | (data[i + 1] & 0x3F) << 6 | data[i + 2] & 0x3F
    if 0xF0 <= lead < 0xF5 and i + 4 <= end:
        high = (lead & 0x07) << 18 | (data[i + 1] & 0x3F) << 12
        return 4, min(high | (data[i + 2] & 0x3F) << 6 | data[i + 3] & 0x3F, 0x10FFFF)
    return 1, 0


@inlined
def _write(folded: Any, j: int, entry: Any) -> int:
    """Append one entry of the table as UTF-8 and return the new end."""
    code = np.int64(entry) & LOWER
    if code < 0x80:
        folded[j] = code
        j += 1
    elif code < 0x800:
        folded[j] = 0xC0 | code >> 6
        j += 2
    elif code < 0x10000:
        folded[j] = 0xE0 | code >> 12
        folded[j + 1] = 0x80 | code >> 6 & 0x3F
        j += 3
    else:
        folded[j] = 0xF0 | code >> 18
        folded[j + 1] = 0x80 | code >> 12 & 0x3F
        folded[j + 2] = 0x80 | code >> 6 & 0x3F
        j += 4
    if code >= 0x80:
        folded[j - 1] = 0x80 | code & 0x3F
    if entry & BREAKS:
        folded[j] = BREAK
        j += 1
    return j


@kernel
def _lower_sigma(data: Any, begin: int, at: int, end: int, table: Any) -> int:
    """ς where a word ends, else σ: a cased character before, none behind, looking through ignorable ones."""
    i, before, behind = at, np.uint32(IGNORABLE), np.uint32(IGNORABLE)
    while i > begin and before & IGNORABLE:
        i -= 1
        while i > begin and data[i] & 0xC0 == 0x80:
            i -= 1
        before = table[_character(data, i, end)[1]]
    i = at + 2
    while i < end and behind & IGNORABLE:
        size, code = _character(data, i, end)
        behind = table[code]
        i += size
    return FINAL_SIGMA if before & CASED and not behind & CASED else SIGMA


@inlined
def _character(data: Any, i: int, end: int) -> tuple[int, Any]:
    return (1, np.int64(data[i])) if data[i] < 0x80 else _decode(data, i, end)


@kernel
def count_characters(folded: Any, begin: int, length: int, before: Any) -> None:
    """Fill `before[k]`: characters of the original in the first 64·k bytes of the text folded at `begin`."""
    total = 0
    for block in range(length // 64 + 1):
        before[block] = total
        total += bit_count(characters64(folded, begin + 64 * block))


@inlined
def character_at(folded: Any, begin: int, before: Any, position: int) -> Any:
    """The original's character offset of the byte at `position` of the text folded at `begin`."""
    block = position >> 6
    inside = (np.uint64(1) << np.uint64(position & 63)) - np.uint64(1)
    return before[block] + bit_count(characters64(folded, begin + 64 * block) & inside)
