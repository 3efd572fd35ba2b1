"""
The benchmark side as tables: folded items, the hashes of their words, and n-grams with the items they propose.

Only as many n-grams of an item are tabled as a hit cannot do without: those left out cover no more than the
threshold, so a row that holds none of the tabled ones cannot hit. The most frequent are left out first, which
keeps a sentence that 60,000 items share from proposing all of them; where it cannot be left out, see `stems`.
Nothing is lost: what is proposed is checked in full.
"""

from typing import Any, NamedTuple

import numpy as np

from curation.engine.errors import BadInput
from curation.engine.text.folding import fold, folded_size
from curation.engine.text.jit import U64, ZERO, Array, inlined, kernel
from curation.engine.text.ngrams import MULTIPLIER, hash_words, next_gram, power
from curation.engine.text.vectors import SEPARATOR, SPARE
from curation.engine.text.words import code_points
from decontam.engine.stems import RARE, SHARED, Stems, find_stems

KEYS_PER_BLOOM_WORD = 4  # 16 bits of filter a key: 2 % of foreign n-grams pass
SKETCH_LIMIT = 1 << 24
ANY_LENGTH = 1 << 62


class Tuning(NamedTuple):
    """What may change the speed of a scan and never its results; tests set it to force the rare paths."""

    multiplier: int = MULTIPLIER  # spreads word hashes, see curation.engine.text.ngrams
    shared_level: int = 6  # n-grams that occur 2^6 times count as shared, see stems


class Items(NamedTuple):
    """The texts. Item k owns the words hashes_at[k] … [k + 1]."""

    folded: Array  # uint8, one separator behind each
    folded_at: Array  # int64[items + 1]
    hashes: Array  # uint32: one for each word
    hashes_at: Array  # int64[items + 1]


class Grams(NamedTuple):
    """Everything that a scan reads; never written after `tabulate`."""

    n: int
    threshold: float
    longest: int  # rows of more words propose nothing
    multiplier: U64  # of the tuning
    items: Items
    stems: Stems
    bucket_at: Array  # int32[buckets + 1]: tabled n-grams by the high bits of their hash
    bucket_shift: U64
    keys: Array  # uint32: the low bits
    owners: Array  # int32: an item, or the number of items + a slot of a stem
    bloom: Array  # uint64: two bits a key in one word
    bloom_shift: U64


def tabulate(
    data: Array, offsets: Array, n: int, threshold: float, tuning: Tuning, longest: int = ANY_LENGTH
) -> Grams:
    """Tables of the items data[offsets[k]:offsets[k + 1]] (UTF-8); BadInput from 2^31 tabled n-grams on."""
    multiplier = np.uint64(tuning.multiplier)
    items = _fold_all(data, offsets, multiplier)
    tabled = np.zeros(len(items.hashes), np.uint8)
    _choose_all(items, n, threshold, tuning.shared_level, tabled)
    stems = find_stems(items.hashes, items.hashes_at, n, tabled)
    total = int(np.count_nonzero(tabled == RARE)) + len(stems.grams)
    if total >= 2**31:
        raise BadInput("The benchmarks hold more than two billion n-grams; index them in several parts.")
    bits, bloom_bits = _bits(total), _bits(total // KEYS_PER_BLOOM_WORD)
    grams = Grams(
        n=n,
        threshold=float(threshold),
        longest=longest,
        multiplier=multiplier,
        items=items,
        stems=stems,
        bucket_at=np.zeros((1 << bits) + 1, np.int32),
        bucket_shift=np.uint64(64 - bits),
        keys=np.empty(total, np.uint32),
        owners=np.empty(total, np.int32),
        bloom=np.zeros(1 << bloom_bits, np.uint64),
        bloom_shift=np.uint64(64 - bloom_bits),
    )
    _each_tabled(grams, tabled, _COUNT)
    np.cumsum(grams.bucket_at, out=grams.bucket_at)
    _each_tabled(grams, tabled, _FILL)
    grams.bucket_at[1:] = grams.bucket_at[:-1].copy()
    grams.bucket_at[0] = 0
    return grams


def _bits(size: int) -> int:
    return max(4, min(size, 2**26).bit_length())


def _fold_all(data: Array, offsets: Array, multiplier: U64) -> Items:
    count = len(offsets) - 1
    items = Items(
        folded=np.empty(folded_size(len(data)) + count, np.uint8),
        folded_at=np.zeros(count + 1, np.int64),
        hashes=np.empty(len(data) // 2 + count, np.uint32),
        hashes_at=np.zeros(count + 1, np.int64),
    )
    fold_items(data, offsets, code_points(), multiplier, items)
    folded, hashes = items.folded[: items.folded_at[-1] + SPARE], items.hashes[: items.hashes_at[-1]]
    return items._replace(folded=folded.copy(), hashes=hashes.copy())


@kernel
def fold_items(data: Any, offsets: Any, table: Any, multiplier: U64, items: Items) -> None:
    """Fill `items` one behind the other."""
    for item in range(len(offsets) - 1):
        at = items.folded_at[item]
        length = fold(data, offsets[item], offsets[item + 1], table, items.folded, at)
        count = hash_words(items.folded, at, length, multiplier, items.hashes, items.hashes_at[item])
        items.folded[at + length] = SEPARATOR
        items.folded_at[item + 1] = at + length + 1
        items.hashes_at[item + 1] = items.hashes_at[item] + count


def _choose_all(items: Items, n: int, threshold: float, shared_level: int, tabled: Array) -> None:
    bits = _bits(min(2 * len(items.hashes), SKETCH_LIMIT))
    sketch, shift = np.zeros(1 << bits, np.uint16), np.uint64(64 - bits)
    count_frequencies(items.hashes, items.hashes_at, n, sketch, shift)
    scratch = np.zeros((2, int(np.diff(items.hashes_at).max(initial=0))), np.uint8)
    choose(items, n, float(threshold), shared_level, sketch, shift, scratch[0], scratch[1], tabled)


@kernel
def count_frequencies(hashes: Any, hashes_at: Any, n: int, sketch: Any, shift: U64) -> None:
    """Count n-grams over all items by the high bits of their hash: too high at times, good enough to rank."""
    leaving_power = power(n)
    for item in range(len(hashes_at) - 1):
        begin, gram = hashes_at[item], np.uint64(0)
        for k in range(hashes_at[item + 1] - begin):
            gram = next_gram(gram, hashes, begin, k, n, leaving_power)
            if k >= n - 1 and sketch[gram >> shift] < 65535:
                sketch[gram >> shift] += np.uint16(1)


@kernel
def choose(
    items: Items, n: int, threshold: float, shared_level: int,
    sketch: Any, shift: U64, levels: Any, covered: Any, tabled: Any,
) -> None:  # fmt: skip
    """Set `tabled[k]` to RARE or SHARED for each word k where an n-gram to be tabled starts."""
    leaving_power = power(n)
    for item in range(len(items.hashes_at) - 1):
        begin, gram = items.hashes_at[item], np.uint64(0)
        count = items.hashes_at[item + 1] - begin
        for k in range(count):
            gram = next_gram(gram, items.hashes, begin, k, n, leaving_power)
            covered[k] = 0
            if k >= n - 1:
                levels[k - n + 1] = _level(sketch[gram >> shift])
        if 0 < count < n:
            tabled[begin] = RARE
        elif count >= n and _covered_from(levels, count, n, shared_level) / count > threshold:
            for p in range(count - n + 1):
                tabled[begin + p] = SHARED if levels[p] >= shared_level else RARE
        elif count >= n:
            _choose_rarest(count, n, threshold, levels, covered, tabled, begin)


@inlined
def _level(frequency: int) -> int:
    level: int = ZERO
    while frequency > 1:
        frequency >>= 1
        level += 1
    return level


@inlined
def _covered_from(levels: Any, count: int, n: int, level: int) -> int:
    """How many of the words are covered by n-grams of this level or a higher one."""
    covered, reach = 0, 0
    for p in range(count - n + 1):
        if levels[p] >= level:
            covered += min(n, p + n - reach)
            reach = p + n
    return covered


@inlined
def _choose_rarest(
    count: int, n: int, threshold: float, levels: Any, covered: Any, tabled: Any, begin: int
) -> None:
    """Leave out the most frequent n-grams as long as they cover at most the threshold; table the others."""
    left_out, highest = 0, 0
    for p in range(count - n + 1):
        highest = max(highest, levels[p])
    for step in range(highest + 1):
        for p in range(count - n + 1):
            if levels[p] != highest - step:
                continue
            extra = _uncovered(covered, p, n)
            if (left_out + extra) / count > threshold:
                tabled[begin + p] = RARE
            elif extra:
                left_out += extra
                covered[p : p + n] = 1


@inlined
def _uncovered(covered: Any, p: int, n: int) -> int:
    uncovered = 0
    for k in range(p, p + n):
        uncovered += 1 - covered[k]
    return uncovered


_COUNT, _FILL = 0, 1


def _each_tabled(grams: Grams, tabled: Array, step: int) -> None:
    enter_items(grams, tabled, step)
    enter_stems(grams, step)


@kernel
def enter_items(grams: Grams, tabled: Any, step: int) -> None:
    """Count or fill in the RARE n-grams; an item of fewer than n words enters as a whole."""
    n, leaving_power, items = grams.n, power(grams.n), grams.items
    for item in range(len(items.hashes_at) - 1):
        begin, gram = items.hashes_at[item], np.uint64(0)
        count = items.hashes_at[item + 1] - begin
        for k in range(count):
            gram = next_gram(gram, items.hashes, begin, k, n, leaving_power)
            if k >= min(n, count) - 1 and tabled[begin + max(k - n + 1, 0)] == RARE:
                _enter(grams, gram, item, step)


@kernel
def enter_stems(grams: Grams, step: int) -> None:
    """Count or fill in the n-grams of the stems, once for all their members."""
    for slot in range(len(grams.stems.grams)):
        _enter(grams, grams.stems.grams[slot], len(grams.items.hashes_at) - 1 + slot, step)


@inlined
def _enter(grams: Grams, gram: U64, owner: int, step: int) -> None:
    """Counting leaves each bucket's size one place late; filling moves its start (from there) to its end."""
    bucket = gram >> grams.bucket_shift
    if step == _COUNT:
        grams.bucket_at[bucket + np.uint64(1)] += np.int32(1)
        grams.bloom[gram >> grams.bloom_shift] |= _bloom_bits(gram)
    else:
        at = grams.bucket_at[bucket]
        grams.keys[at], grams.owners[at] = np.uint32(gram), owner
        grams.bucket_at[bucket] += np.int32(1)


@inlined
def _bloom_bits(gram: U64) -> U64:
    low, high = gram >> np.uint64(26) & np.uint64(63), gram >> np.uint64(32) & np.uint64(63)
    return np.uint64(1) << low | np.uint64(1) << high


@inlined
def may_hold(grams: Grams, gram: U64) -> Any:
    """False when no tabled n-gram has this hash; True otherwise, and for some 2 % of the rest."""
    bits = _bloom_bits(gram)
    return grams.bloom[gram >> grams.bloom_shift] & bits == bits
