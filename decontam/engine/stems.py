"""
Stems: n-grams that very many items share and that alone cover more than the threshold of each of them.

"Answer with the letter of the right choice …" around a short question cannot be left out of the tables, and as
n-grams of 60,000 items it would propose all of those for every row that holds a part of it. Items with the same
sequence of such n-grams therefore form one stem. The words that a row covers through the stem are counted once, and
only the items short enough to be hit by so many are proposed. All other n-grams of these items stay tabled.
"""

from typing import Any, NamedTuple

import numpy as np

from curation.engine.text.jit import Array, kernel
from curation.engine.text.ngrams import next_gram, power

RARE, SHARED = 1, 2  # in `tabled`


class Stems(NamedTuple):
    """A stem owns slots slots_at[k] … [k + 1] and members members_at[k] … [k + 1]."""

    slots_at: Array  # int64[stems + 1]
    grams: Array  # uint64: one n-gram hash for each slot
    gaps: Array  # int32: words that the n-gram covers behind those of the slot before
    stem_of: Array  # int32: the slot's stem
    members_at: Array  # int64[stems + 1]
    members: Array  # int32: items, those of fewest words first


def find_stems(hashes: Array, hashes_at: Array, n: int, tabled: Array) -> Stems:
    """Group the items that have SHARED n-grams in `tabled` by those n-grams and the gaps between them."""
    slots = np.empty(np.count_nonzero(tabled == SHARED), [("gram", np.uint64), ("gap", np.int32)])
    grams, gaps = np.empty(len(slots), np.uint64), np.empty(len(slots), np.int32)
    slots_at = np.zeros(len(hashes_at), np.int64)
    list_slots(hashes, hashes_at, n, tabled, grams, gaps, slots_at)
    slots["gram"], slots["gap"] = grams, gaps
    raw, size = slots.tobytes(), slots.itemsize
    items = np.flatnonzero(np.diff(slots_at))
    numbers: dict[bytes, int] = {}
    stem = np.array(
        [numbers.setdefault(raw[size * slots_at[k] : size * slots_at[k + 1]], len(numbers)) for k in items],
        int,
    )
    first = items[np.unique(stem, return_index=True)[1]]
    lengths = slots_at[first + 1] - slots_at[first]
    kept = np.repeat(slots_at[first] - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
    return Stems(
        slots_at=np.concatenate(([0], np.cumsum(lengths))),
        grams=grams[kept],
        gaps=gaps[kept],
        stem_of=np.repeat(np.arange(len(first)), lengths).astype(np.int32),
        members_at=np.concatenate(([0], np.cumsum(np.bincount(stem, minlength=len(first))))),
        members=items[np.lexsort((np.diff(hashes_at)[items], stem))].astype(np.int32),
    )


@kernel
def list_slots(
    hashes: Any, hashes_at: Any, n: int, tabled: Any, grams: Any, gaps: Any, slots_at: Any
) -> None:
    """Write every SHARED n-gram, and in `slots_at` where each item's begin."""
    leaving_power, at = power(n), 0
    for item in range(len(hashes_at) - 1):
        begin, gram, reach = hashes_at[item], np.uint64(0), 0
        for k in range(hashes_at[item + 1] - begin):
            gram = next_gram(gram, hashes, begin, k, n, leaving_power)
            if k >= n - 1 and tabled[begin + k - n + 1] == SHARED:
                grams[at], gaps[at] = gram, min(n, k + 1 - reach)
                reach = k + 1
                at += 1
        slots_at[item + 1] = at
