"""
One training row taken apart for its proposed items: its words, where they stand, and a hash table of its n-grams.

Only n-grams that some proposed item may hold enter the table, so it stays small in a row of 50 MB.
"""

from typing import Any, NamedTuple

import numpy as np

from curation.engine.text.folding import count_characters, fold, folded_size
from curation.engine.text.jit import U64, ZERO, Array, inlined, kernel
from curation.engine.text.ngrams import hash_words, locate_words, next_gram, power, roll
from decontam.engine.grams import Grams

_LARGEST_FILTER = 1 << 17  # words of 64 bits


class Scratch(NamedTuple):
    """Working memory of one `check` at a time; pages of it are only touched as far as rows with proposals need."""

    folded: Array  # uint8: the row
    hashes: Array  # uint32: its words, behind n zeros
    starts: Array  # int32: where they start in `folded`, and end
    ends: Array
    before: Array  # int32: characters before each 64 bytes
    marked: Array  # uint64: bit k: an n-gram of the item at hand starts at word k; all 0 between items
    filter: Array  # uint64: hashes of the proposed items' n-grams
    values: (
        Array  # uint64: the row's n-grams that pass the filter, where they start, the next of the same hash
    )
    places: Array  # int32
    following: Array  # int32
    slots: Array  # int32: hash table of the above
    item_starts: Array  # int32: as above, of the item
    item_ends: Array
    item_before: Array
    heads: Array  # int32: for each n-gram of the item, where the row's of the same hash begin; -1 for nowhere
    bounds: Array  # int64[2]: first and last word of `marked` with a bit


def scratch_for(grams: Grams, row_bytes: int) -> Scratch:
    """Room for rows of up to `row_bytes` bytes."""
    row_words, row_blocks = row_bytes // 2 + 2, folded_size(row_bytes) // 64 + 1
    item_words = int(np.diff(grams.items.hashes_at).max(initial=0)) + 1
    item_blocks = int(np.diff(grams.items.folded_at).max(initial=0)) // 64 + 2
    slots = 1 << (2 * row_words).bit_length()
    hashes = np.empty(grams.n + row_words, np.uint32)
    hashes[: grams.n] = 0
    return Scratch(
        folded=np.empty(folded_size(row_bytes), np.uint8),
        hashes=hashes,
        starts=np.empty(row_words, np.int32),
        ends=np.empty(row_words, np.int32),
        before=np.empty(row_blocks, np.int32),
        marked=np.zeros(row_words // 64 + 1, np.uint64),
        filter=np.empty(_LARGEST_FILTER, np.uint64),
        values=np.empty(row_words, np.uint64),
        places=np.empty(row_words, np.int32),
        following=np.empty(row_words, np.int32),
        slots=np.empty(slots, np.int32),
        item_starts=np.empty(item_words, np.int32),
        item_ends=np.empty(item_words, np.int32),
        item_before=np.empty(item_blocks, np.int32),
        heads=np.empty(item_words, np.int32),
        bounds=np.zeros(2, np.int64),
    )


@kernel
def take_apart(data: Any, begin: int, end: int, table: Any, grams: Grams, s: Scratch) -> int:
    """Fill `folded`, `hashes`, `starts`, `ends` and `before` from the row `data[begin:end]`; returns its words."""
    length = fold(data, begin, end, table, s.folded, ZERO)
    locate_words(s.folded, ZERO, length, s.starts, s.ends)
    count_characters(s.folded, ZERO, length, s.before)
    return hash_words(s.folded, ZERO, length, grams.multiplier, s.hashes, grams.n)


@inlined
def words_of(grams: Grams, item: int) -> Any:
    return grams.items.hashes_at[item + 1] - grams.items.hashes_at[item]


@kernel
def table_row(grams: Grams, items: Any, first: int, last: int, count: int, s: Scratch) -> U64:
    """Put the row's n-grams that may be in one of the items into a hash table; returns its shift."""
    filter_shift = _fill_filter(grams, items, first, last, s)
    n, leaving_power, gram, passing = grams.n, power(grams.n), np.uint64(0), ZERO
    for k in range(count):
        gram = roll(gram, s.hashes[n + k], s.hashes[k], leaving_power)
        bit = gram >> filter_shift
        if k >= n - 1 and s.filter[bit >> np.uint64(6)] >> (bit & np.uint64(63)) & np.uint64(1):
            s.values[passing], s.places[passing] = gram, k - n + 1
            passing += 1
    return _fill_slots(passing, s)


@inlined
def _fill_filter(grams: Grams, items: Any, first: int, last: int, s: Scratch) -> U64:
    """Set one bit for each n-gram of the items; returns the shift that makes a hash a bit number."""
    total, bits, leaving_power = 0, 10, power(grams.n)
    for pair in range(first, last):
        total += words_of(grams, items[pair])
    while 1 << bits < 16 * total and 1 << bits < 64 * len(s.filter):
        bits += 1
    shift = np.uint64(64 - bits)
    for word in range(1 << (bits - 6)):
        s.filter[word] = 0
    for pair in range(first, last):
        begin, gram = grams.items.hashes_at[items[pair]], np.uint64(0)
        for k in range(words_of(grams, items[pair])):
            gram = next_gram(gram, grams.items.hashes, begin, k, grams.n, leaving_power)
            if k >= grams.n - 1:
                bit = gram >> shift
                s.filter[bit >> np.uint64(6)] |= np.uint64(1) << (bit & np.uint64(63))
    return shift


@inlined
def _fill_slots(passing: int, s: Scratch) -> U64:
    """Chain equal hashes of `values` behind their first; returns the shift that makes a hash a slot."""
    bits = 3
    while 1 << bits < 2 * passing:
        bits += 1
    shift = np.uint64(64 - bits)
    for slot in range(1 << bits):
        s.slots[slot] = -1
    for k in range(passing):
        head = slot_of(s.values[k], shift, s)
        if s.slots[head] < 0:
            s.slots[head], s.following[k] = k, -1
        else:
            s.following[k] = s.following[s.slots[head]]
            s.following[s.slots[head]] = k
    return shift


@inlined
def slot_of(gram: U64, shift: U64, s: Scratch) -> Any:
    """Where the hash is in `slots`, or the empty slot where it would be."""
    mask = (np.int64(1) << (np.int64(64) - np.int64(shift))) - 1
    slot = np.int64(gram >> shift)
    while s.slots[slot] >= 0 and s.values[s.slots[slot]] != gram:
        slot = slot + 1 & mask
    return slot
