"""
Training rows against the tables, second half: `check` decides the proposed pairs exactly, with all their spans.

It compares words, not hashes: hashes of the row's and the item's n-grams only say where to look.
"""

from typing import Any, NamedTuple

import numpy as np

from curation.engine.text.folding import character_at, count_characters
from curation.engine.text.jit import U64, ZERO, Array, inlined, kernel
from curation.engine.text.ngrams import locate_words, next_gram, power, same_words
from curation.engine.text.vectors import lowest_bit
from decontam.engine.grams import Grams
from decontam.engine.rowgrams import Scratch, slot_of, table_row, take_apart, words_of


class Matches(NamedTuple):
    """What `check` found: match k owns train spans train_until[k - 1] … train_until[k], and likewise of the item."""

    rows: Array  # int64
    items: Array  # int32
    covered: Array  # int32: words
    train_until: Array  # int64
    item_until: Array
    train: Array  # int64[spans, 2]: characters from, to
    item: Array


def matches_for(grams: Grams, row_bytes: int, room: int = 1 << 14) -> Matches:
    """Room for at least one match, whatever its spans."""
    train = max(room, 2 * (row_bytes // 2 // (grams.n + 1) + 2))
    item = max(room, 2 * (int(np.diff(grams.items.hashes_at).max(initial=0)) // (grams.n + 1) + 2))
    return Matches(
        rows=np.empty(room, np.int64),
        items=np.empty(room, np.int32),
        covered=np.empty(room, np.int32),
        train_until=np.empty(room, np.int64),
        item_until=np.empty(room, np.int64),
        train=np.empty((train, 2), np.int64),
        item=np.empty((item, 2), np.int64),
    )


@kernel
def check(
    data: Any,
    offsets: Any,
    table: Any,
    grams: Grams,
    rows: Any,
    items: Any,
    pair: int,
    s: Scratch,
    out: Matches,
) -> tuple[int, int]:
    """
    Decide the pairs (rows[k], items[k]), ordered by row, from `pair` on until `out` could overflow.

    Returns the pair to go on with and the number of matches written.
    """
    found, full = ZERO, False
    while pair < len(rows) and not full:
        row, last = rows[pair], pair
        while last < len(rows) and rows[last] == row:
            last += 1
        count = take_apart(data, offsets[row], offsets[row + 1], table, grams, s)
        shift = table_row(grams, items, pair, last, count, s)
        while pair < last and not full:
            full = not _has_room(grams, items[pair], count, found, out)
            if not full:
                covered = _decide(grams, items[pair], count, shift, s)
                if covered:
                    out.rows[found], out.items[found], out.covered[found] = row, items[pair], covered
                    _write_spans(grams, items[pair], count, found, s, out)
                    found += 1
                pair += 1
    return pair, found


@inlined
def _has_room(grams: Grams, item: int, count: int, found: int, out: Matches) -> bool:
    """Whether one more match fits, however many spans it has: between two of them lies a word."""
    train = out.train_until[found - 1] if found else 0
    spans = out.item_until[found - 1] if found else 0
    fits_train = train + count // (grams.n + 1) + 1 <= len(out.train)
    fits_item = spans + words_of(grams, item) // (grams.n + 1) + 1 <= len(out.item)
    return found < len(out.rows) and fits_train and fits_item


@kernel
def _decide(grams: Grams, item: int, count: int, shift: U64, s: Scratch) -> int:
    """
    How many words of the item the row covers if that is a match, else 0.

    A match leaves the item's matched n-grams in `heads` and the row's in `marked`.
    """
    size, n = words_of(grams, item), grams.n
    if size < n or count < n:
        return _same_text(grams, item, size, s) if size == count else 0
    if _look_up(grams, item, size, shift, s) / size <= grams.threshold:
        return 0
    covered = _confirm(grams, item, size, s)
    if covered / size > grams.threshold:
        return covered
    _unmark(s)
    return 0


@inlined
def _look_up(grams: Grams, item: int, size: int, shift: U64, s: Scratch) -> int:
    """Fill `heads` by hash; returns how many words of the item that covers."""
    begin, n, leaving_power, gram = grams.items.hashes_at[item], grams.n, power(grams.n), np.uint64(0)
    covered, reach = 0, 0
    for k in range(size):
        gram = next_gram(gram, grams.items.hashes, begin, k, n, leaving_power)
        if k >= n - 1:
            s.heads[k - n + 1] = s.slots[slot_of(gram, shift, s)]
            if s.heads[k - n + 1] >= 0:
                covered += min(n, k + 1 - reach)
                reach = k + 1
    return covered


@kernel
def _confirm(grams: Grams, item: int, size: int, s: Scratch) -> int:
    """Compare words: clear the heads that were hashes only, mark the row's n-grams; returns the words covered."""
    begin, n, covered, reach = grams.items.folded_at[item], grams.n, 0, 0
    length = grams.items.folded_at[item + 1] - begin
    locate_words(grams.items.folded, begin, length, s.item_starts, s.item_ends)
    count_characters(grams.items.folded, begin, length, s.item_before)
    s.bounds[0], s.bounds[1] = len(s.marked), -1
    for p in range(size - n + 1):
        if s.heads[p] < 0:
            continue
        if _mark_equal(grams, begin, p, s):
            covered += min(n, p + n - reach)
            reach = p + n
        else:
            s.heads[p] = -1
    return covered


@inlined
def _mark_equal(grams: Grams, begin: int, p: int, s: Scratch) -> bool:
    """Mark every place in the row with the item's n-gram at word `p`; False where there is none."""
    equal, k = False, s.heads[p]
    while k >= 0:
        place = s.places[k]
        if _same_gram(grams, begin, p, place, s):
            word, bit = place >> 6, np.uint64(1) << np.uint64(place & 63)
            if s.marked[word] & bit:
                return True  # an equal n-gram of the item was here and marked them all
            s.marked[word] |= bit
            s.bounds[0], s.bounds[1] = min(s.bounds[0], word), max(s.bounds[1], word)
            equal = True
        k = s.following[k]
    return equal


@inlined
def _same_gram(grams: Grams, begin: int, p: int, place: int, s: Scratch) -> bool:
    k = 0
    while k < grams.n and _same_word(grams, begin, p + k, place + k, s):
        k += 1
    return k == grams.n


@inlined
def _same_word(grams: Grams, begin: int, p: int, place: int, s: Scratch) -> bool:
    size = s.item_ends[p] - s.item_starts[p]
    row_size = s.ends[place] - s.starts[place]
    return same_words(grams.items.folded, begin + s.item_starts[p], size, s.folded, s.starts[place], row_size)


@kernel
def _same_text(grams: Grams, item: int, size: int, s: Scratch) -> int:
    """The number of words if the row has just the item's words, else 0."""
    begin = grams.items.folded_at[item]
    length = grams.items.folded_at[item + 1] - begin
    locate_words(grams.items.folded, begin, length, s.item_starts, s.item_ends)
    count_characters(grams.items.folded, begin, length, s.item_before)
    for k in range(size):
        if not _same_word(grams, begin, k, k, s):
            return 0
    return size


@inlined
def _unmark(s: Scratch) -> None:
    for word in range(s.bounds[0], s.bounds[1] + 1):
        s.marked[word] = 0


@kernel
def _write_spans(grams: Grams, item: int, count: int, found: int, s: Scratch, out: Matches) -> None:
    """Both sides' maximal runs of covered words as character offsets; leaves `marked` empty."""
    size, n = words_of(grams, item), grams.n
    train = out.train_until[found - 1] if found else 0
    spans = out.item_until[found - 1] if found else 0
    if size < n:
        _write_span(out.train, train, s.folded, ZERO, s.before, s.starts[0], s.ends[count - 1])
        begin = grams.items.folded_at[item]
        _write_span(
            out.item, spans, grams.items.folded, begin, s.item_before, s.item_starts[0], s.item_ends[size - 1]
        )
        train, spans = train + 1, spans + 1
    else:
        train = _write_train(n, train, s, out)
        spans = _write_item(grams, item, size, spans, s, out)
    out.train_until[found], out.item_until[found] = train, spans


@inlined
def _write_span(spans: Any, k: int, folded: Any, begin: int, before: Any, start: int, end: int) -> None:
    spans[k, 0] = character_at(folded, begin, before, start)
    spans[k, 1] = character_at(folded, begin, before, end)


@inlined
def _write_train(n: int, spans: int, s: Scratch, out: Matches) -> int:
    first, until = ZERO - 1, ZERO - 1
    for word in range(s.bounds[0], s.bounds[1] + 1):
        marks, s.marked[word] = s.marked[word], 0
        while marks:
            place = 64 * word + lowest_bit(marks)
            marks &= marks - np.uint64(1)
            if place > until:
                if first >= 0:
                    _write_span(
                        out.train, spans, s.folded, ZERO, s.before, s.starts[first], s.ends[until - 1]
                    )
                    spans += 1
                first = place
            until = place + n
    _write_span(out.train, spans, s.folded, ZERO, s.before, s.starts[first], s.ends[until - 1])
    return spans + 1


@inlined
def _write_item(grams: Grams, item: int, size: int, spans: int, s: Scratch, out: Matches) -> int:
    begin, first, until = grams.items.folded_at[item], ZERO - 1, ZERO - 1
    for p in range(size - grams.n + 1):
        if s.heads[p] >= 0:
            if p > until:
                if first >= 0:
                    _write_item_span(grams, begin, first, until, spans, s, out)
                    spans += 1
                first = p
            until = p + grams.n
    _write_item_span(grams, begin, first, until, spans, s, out)
    return spans + 1


@inlined
def _write_item_span(
    grams: Grams, begin: int, first: int, until: int, k: int, s: Scratch, out: Matches
) -> None:
    start, end = s.item_starts[first], s.item_ends[until - 1]
    _write_span(out.item, k, grams.items.folded, begin, s.item_before, start, end)
