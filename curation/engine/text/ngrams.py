"""
Words of folded text as hashes, and n-grams as rolling hashes of those.

A word's hash has 32 bits; an n-gram's is the sum of hash(i) · SPREAD · BASE^(n-1-i) mod 2^64, whose high bits are the
good ones (without SPREAD the last word would not reach them). Hashes only propose: whoever reports compares the
words (`same_words`).
"""

from typing import Any

import numpy as np

from curation.engine.text.jit import U64, inlined, kernel
from curation.engine.text.vectors import load64, lowest_bit, words64

BASE = np.uint64(0x9E3779B97F4A7C15)
SPREAD = np.uint64(0x2545F4914F6CDD1D)
MULTIPLIER = 0xD6E8FEB86659FD93  # what spreads word hashes; tests pass others to force collisions
_FIRST, _SECOND, _REST = (np.uint64(k) for k in (0xA0761D6478BD642F, 0xE7037ED1A0B428DB, 0x8EBC6AF09C88C6E3))
_KEEP_FIRST = np.array([(1 << 8 * min(size, 8)) - 1 for size in range(17)], np.uint64)
_KEEP_SECOND = np.array([(1 << 8 * max(size - 8, 0)) - 1 for size in range(17)], np.uint64)


@inlined
def word_hash(folded: Any, start: int, size: int, multiplier: U64) -> U64:
    """32 bits of the word of `size` bytes at `folded[start]`."""
    if size <= 16:
        first = load64(folded, start) & _KEEP_FIRST[size]
        second = load64(folded, start + 8) & _KEEP_SECOND[size]
        mixed = first * _FIRST + second * _SECOND
    else:
        mixed = load64(folded, start) * _FIRST + load64(folded, start + 8) * _SECOND
        for k in range(16, size, 8):
            part = load64(folded, start + k) & _KEEP_FIRST[min(size - k, 8)]
            mixed = (mixed ^ mixed >> np.uint64(29)) * _REST + part * _FIRST
    return np.uint32((mixed ^ mixed >> np.uint64(32)) * multiplier >> np.uint64(32))


@inlined
def _edges(folded: Any, begin: int, block: int, length: int, carry: U64) -> tuple[U64, U64, U64]:
    """Masks of word starts and word ends (first byte behind) in one block, and whether a word goes on."""
    is_word = words64(folded, begin + block)
    if length - block < 64:
        is_word &= (np.uint64(1) << np.uint64(length - block)) - np.uint64(1)
    shifted = is_word << np.uint64(1) | carry
    return is_word & ~shifted, shifted & ~is_word, is_word >> np.uint64(63)


@kernel
def hash_words(folded: Any, begin: int, length: int, multiplier: U64, hashes: Any, at: int) -> int:
    """Write the hash of each word of the text folded at `begin` to `hashes[at:]`; returns their number."""
    word, start, carry = at, begin, np.uint64(0)
    for block in range(0, length + 1, 64):
        starts, ends, goes_on = _edges(folded, begin, block, length, carry)
        if not carry:
            start = begin + block + lowest_bit(starts)
            starts &= starts - np.uint64(1)
        while ends:
            end = begin + block + lowest_bit(ends)
            ends &= ends - np.uint64(1)
            hashes[word] = word_hash(folded, start, end - start, multiplier)
            word += 1
            start = begin + block + lowest_bit(starts)
            starts &= starts - np.uint64(1)
        carry = goes_on
    return word - at


@kernel
def locate_words(folded: Any, begin: int, length: int, starts: Any, ends: Any) -> int:
    """Write where each word starts and ends, in bytes from `begin`; returns how many there are."""
    opened, closed, carry = 0, 0, np.uint64(0)
    for block in range(0, length + 1, 64):
        opening, closing, carry = _edges(folded, begin, block, length, carry)
        while opening:
            starts[opened] = block + lowest_bit(opening)
            opening &= opening - np.uint64(1)
            opened += 1
        while closing:
            ends[closed] = block + lowest_bit(closing)
            closing &= closing - np.uint64(1)
            closed += 1
    return closed


@inlined
def power(n: int) -> U64:
    """What the hash of the word that leaves the window is multiplied with."""
    result = SPREAD
    for _ in range(n):
        result *= BASE
    return result


@inlined
def roll(gram: U64, entering: U64, leaving: U64, leaving_power: U64) -> U64:
    """The hash of the next n-gram; `leaving` is 0 while the first one fills."""
    return gram * BASE + np.uint64(entering) * SPREAD - np.uint64(leaving) * leaving_power


@inlined
def next_gram(gram: U64, hashes: Any, begin: int, k: int, n: int, leaving_power: U64) -> U64:
    """The hash of the n-gram that ends with word `k` of a text whose words begin at `hashes[begin]`."""
    leaving = hashes[begin + k - n] if k >= n else np.uint32(0)
    return roll(gram, hashes[begin + k], leaving, leaving_power)


@inlined
def same_words(
    left: Any, left_start: int, left_size: int, right: Any, right_start: int, right_size: int
) -> bool:
    """Whether two words of folded text are the same bytes."""
    if left_size != right_size:
        return False
    for k in range(0, left_size, 8):
        keep = _KEEP_FIRST[min(left_size - k, 8)]
        if (load64(left, left_start + k) ^ load64(right, right_start + k)) & keep:
            return False
    return True
