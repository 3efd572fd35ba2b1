"""
MinHash signatures of word shingles, and the true Jaccard similarity that they estimate.

A shingle is a run of words as `words` has them; its 64-bit rolling hash is that of `ngrams`. A text of fewer words
than a shingle is one shingle; a text without a word has none. Signatures take the high 32 bits of a shingle's hash
through datasketch's scheme "affine32" (2.0.0, `MinHash.update_batch`): MurmurHash3's finaliser, then one
multiplication and one addition modulo 2^32 for each permutation. That is 16 lanes of a vector register at a time.
"""

from typing import Any, NamedTuple

import numpy as np

from curation.engine.text.folding import fold, folded_size
from curation.engine.text.jit import U64, ZERO, Array, inlined, kernel
from curation.engine.text.ngrams import hash_words, next_gram, power

EMPTY = np.uint32(0xFFFFFFFF)
_FIRST, _SECOND = np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35)
LEFT, RIGHT = np.uint8(1), np.uint8(2)


class Scratch(NamedTuple):
    """Working memory for one text of a certain length at a time."""

    folded: Array  # uint8
    hashes: Array  # uint32: a text's words
    grams: Array  # uint64: its shingles


class Table(NamedTuple):
    """A hash table of shingles, empty between two pairs."""

    keys: Array  # uint64
    sides: Array  # uint8: 0 where the slot is free


def scratch_for(size: int) -> Scratch:
    """Room for texts of up to `size` bytes."""
    words = size // 2 + 2
    return Scratch(
        np.empty(folded_size(size), np.uint8), np.empty(words, np.uint32), np.empty(words, np.uint64)
    )


def table_for(size: int) -> Table:
    """Room for the shingles of two texts of up to `size` bytes each."""
    slots = 1 << (2 * size + 16).bit_length()
    return Table(np.empty(slots, np.uint64), np.zeros(slots, np.uint8))


@inlined
def take_shingles(
    data: Any, begin: int, end: int, letters: Any, multiplier: U64, size: int, s: Scratch
) -> int:
    """Write the hashes of the shingles of `data[begin:end]` to `s.grams`, in order; returns their number."""
    length = fold(data, begin, end, letters, s.folded, ZERO)
    words = hash_words(s.folded, ZERO, length, multiplier, s.hashes, ZERO)
    first, gram, leaving_power = min(size, words) - 1, np.uint64(0), power(size)
    for k in range(words):
        gram = next_gram(gram, s.hashes, ZERO, k, size, leaving_power)
        if k >= first:
            s.grams[k - first] = gram
    return words - first if words else 0


@inlined
def _mixed(gram: U64) -> Any:
    """MurmurHash3's 32-bit finaliser."""
    value = np.uint32(gram >> np.uint64(32))
    value = np.uint32(np.uint32(value ^ value >> np.uint32(16)) * _FIRST)
    value = np.uint32(np.uint32(value ^ value >> np.uint32(13)) * _SECOND)
    return np.uint32(value ^ value >> np.uint32(16))


@kernel
def sign_texts(
    data: Any, offsets: Any, letters: Any, multiplier: U64, size: int,
    factors: Any, terms: Any, s: Scratch, lowest: Any, counts: Any,
) -> None:  # fmt: skip
    """
    Fill `lowest[row]` (uint32, one for each permutation, EMPTY before) and `counts[row]`, its number of shingles.

    `letters` is `words.code_points()`, `multiplier` that of `ngrams`.
    """
    permutations = len(factors)
    for row in range(len(offsets) - 1):
        count = take_shingles(data, offsets[row], offsets[row + 1], letters, multiplier, size, s)
        counts[row] = count
        own = lowest[row]
        for k in range(count):
            value = _mixed(s.grams[k])
            for p in range(permutations):
                permuted = np.uint32(np.uint32(factors[p] * value) + terms[p])
                own[p] = min(own[p], permuted)


@kernel
def compare_texts(
    left: Any, left_at: Any, right: Any, right_at: Any, letters: Any, multiplier: U64, size: int,
    s: Scratch, table: Table, common: Any, united: Any,
) -> None:  # fmt: skip
    """Count the distinct shingles of the texts k of both sides: those in common, and those of either."""
    for pair in range(len(left_at) - 1):
        count = take_shingles(left, left_at[pair], left_at[pair + 1], letters, multiplier, size, s)
        shift = table_shift(count + (right_at[pair + 1] - right_at[pair]) // 2 + 1)
        distinct, shared = ZERO, ZERO
        for k in range(count):
            slot = table_slot(table, s.grams[k], shift)
            distinct += table.sides[slot] == 0
            table.keys[slot], table.sides[slot] = s.grams[k], LEFT
        count = take_shingles(right, right_at[pair], right_at[pair + 1], letters, multiplier, size, s)
        for k in range(count):
            slot = table_slot(table, s.grams[k], shift)
            distinct += table.sides[slot] == 0
            shared += table.sides[slot] == LEFT
            table.keys[slot], table.sides[slot] = s.grams[k], RIGHT
        common[pair], united[pair] = shared, distinct
        for slot in range(np.int64(1) << (64 - shift)):
            table.sides[slot] = 0


@inlined
def table_shift(entries: int) -> int:
    """What makes a hash a slot of a table that is at most half full."""
    bits: int = ZERO + 4
    while np.int64(1) << bits < 2 * entries:
        bits += 1
    return 64 - bits


@inlined
def table_slot(table: Table, gram: U64, shift: int) -> Any:
    """Where the shingle is, or the free slot where it would be."""
    mask = (np.int64(1) << (64 - shift)) - 1
    slot = np.int64(gram >> np.uint64(shift))
    while table.sides[slot] and table.keys[slot] != gram:
        slot = slot + 1 & mask
    return slot
