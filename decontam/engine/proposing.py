"""Training rows against the tables, first half: `find` proposes pairs of row and item at nearly memory speed."""

from typing import Any, NamedTuple

import numpy as np

from curation.engine.text.folding import fold, folded_size
from curation.engine.text.jit import ZERO, Array, inlined, kernel
from curation.engine.text.ngrams import hash_words, power, roll
from curation.engine.text.vectors import prefetch
from decontam.engine.grams import Grams, may_hold

PAIRS = 1 << 16
_WINDOW = 256  # n-grams whose places in the tables are loaded at the same time


class Proposals(NamedTuple):
    """Working memory of one `find` at a time, and its answer in `rows` and `items`."""

    folded: Array  # uint8: the row
    hashes: Array  # uint32: its words, behind n zeros
    grams: Array  # uint64: the n-grams at hand
    passing: Array  # uint64: those of them that may be tabled
    seen: Array  # int64: the last row of all, counted from 1, that met each item, slot, and stem
    stems: Array  # int32: the stems that this row met
    rows: Array  # int64: in this chunk
    items: Array  # int32


def proposals_for(grams: Grams, row_bytes: int) -> Proposals:
    """Room for rows of up to `row_bytes` bytes and at least PAIRS pairs."""
    items, slots, stems = (
        len(grams.items.hashes_at) - 1,
        len(grams.stems.grams),
        len(grams.stems.slots_at) - 1,
    )
    hashes = np.empty(grams.n + row_bytes // 2 + 2, np.uint32)
    hashes[: grams.n] = 0
    return Proposals(
        folded=np.empty(folded_size(row_bytes), np.uint8),
        hashes=hashes,
        grams=np.empty(_WINDOW, np.uint64),
        passing=np.empty(_WINDOW + 1, np.uint64),
        seen=np.zeros(items + slots + stems, np.int64),
        stems=np.empty(stems, np.int32),
        rows=np.empty(items + PAIRS, np.int64),
        items=np.empty(items + PAIRS, np.int32),
    )


@kernel
def find(
    data: Any, offsets: Any, row: int, first: int, table: Any, grams: Grams, p: Proposals
) -> tuple[int, int]:
    """
    Propose pairs from `row` on until `p` could overflow; row 0 of this chunk is row `first` of all.

    Returns the row to go on with and the number of pairs.
    """
    n, leaving_power, found = grams.n, power(grams.n), ZERO
    while row < len(offsets) - 1 and found + len(grams.items.hashes_at) <= len(p.rows):
        length = fold(data, offsets[row], offsets[row + 1], table, p.folded, ZERO)
        count = hash_words(p.folded, ZERO, length, grams.multiplier, p.hashes, n)
        gram, met = np.uint64(0), ZERO
        if count > grams.longest:
            row += 1
            continue
        for k in range(min(count, n - 1)):
            gram = roll(gram, p.hashes[n + k], p.hashes[k], leaving_power)
        if 0 < count < n:
            p.passing[0] = gram
            found, met = _look_up(grams, may_hold(grams, gram), row, first + row + 1, p, found, met)
        for k in range(n - 1, count, _WINDOW):
            size = min(_WINDOW, count - k)
            for j in range(size):
                gram = roll(gram, p.hashes[n + k + j], p.hashes[k + j], leaving_power)
                p.grams[j] = gram
                prefetch(grams.bloom, gram >> grams.bloom_shift)
            found, met = _look_up(grams, _sift(grams, size, p), row, first + row + 1, p, found, met)
        if met:
            found = _propose_members(grams, met, row, first + row + 1, p, found)
        row += 1
    return row, found


@inlined
def _sift(grams: Grams, size: int, p: Proposals) -> int:
    """Move those of the first `size` n-grams that may be tabled to `passing`; returns their number."""
    passing = 0
    for j in range(size):
        gram = p.grams[j]
        p.passing[passing] = gram
        if may_hold(grams, gram):
            prefetch(grams.bucket_at, gram >> grams.bucket_shift)
            passing += 1
    return passing


@inlined
def _look_up(
    grams: Grams, passing: int, row: int, stamp: int, p: Proposals, found: Any, met: Any
) -> tuple[Any, Any]:
    """Propose the owners of the first n-grams in `passing`; stems are only noted. Returns both numbers, grown."""
    items, slots = len(grams.items.hashes_at) - 1, len(grams.stems.grams)
    for j in range(passing):
        bucket, key = p.passing[j] >> grams.bucket_shift, np.uint32(p.passing[j])
        for at in range(grams.bucket_at[bucket], grams.bucket_at[bucket + np.uint64(1)]):
            owner = grams.owners[at]
            if grams.keys[at] == key and p.seen[owner] != stamp:
                p.seen[owner] = stamp
                if owner < items:
                    p.rows[found], p.items[found] = row, owner
                    found += 1
                elif p.seen[items + slots + grams.stems.stem_of[owner - items]] != stamp:
                    p.stems[met] = grams.stems.stem_of[owner - items]
                    p.seen[items + slots + p.stems[met]] = stamp
                    met += 1
    return found, met


@kernel
def _propose_members(grams: Grams, met: int, row: int, stamp: int, p: Proposals, found: Any) -> Any:
    """Propose those members of the stems met that the n-grams met can hit by themselves."""
    for k in range(met):
        stem = p.stems[k]
        covered = _covered_by(grams, stem, stamp, p)
        at, end = grams.stems.members_at[stem], grams.stems.members_at[stem + 1]
        while at < end:
            item = grams.stems.members[at]
            if covered / (grams.items.hashes_at[item + 1] - grams.items.hashes_at[item]) <= grams.threshold:
                break
            if p.seen[item] != stamp:
                p.seen[item] = stamp
                p.rows[found], p.items[found] = row, item
                found += 1
            at += 1
    return found


@inlined
def _covered_by(grams: Grams, stem: int, stamp: int, p: Proposals) -> int:
    """Words of each member that the stem's n-grams in this row cover."""
    items, covered, gap = len(grams.items.hashes_at) - 1, 0, grams.n
    for slot in range(grams.stems.slots_at[stem], grams.stems.slots_at[stem + 1]):
        gap += grams.stems.gaps[slot]
        if p.seen[items + slot] == stamp:
            covered += min(grams.n, gap)
            gap = 0
    return covered
