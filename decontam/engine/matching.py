"""Drives the kernels over the chunks of a column, with working memory for the longest text among them."""

from typing import Any, NamedTuple

import numpy as np

from curation.engine.text.jit import Array
from curation.engine.text.words import code_points
from decontam.engine.checking import Matches, check, matches_for
from decontam.engine.grams import Grams
from decontam.engine.proposing import find, proposals_for
from decontam.engine.rowgrams import scratch_for
from decontam.engine.texts import buffers


class Found(NamedTuple):
    """Matches, ordered by row; match k owns train spans train_at[k] … [k + 1], and likewise of the item."""

    rows: Array  # int64: counted through all chunks
    entries: Array  # int32
    covered: Array  # int32: words
    train_at: Array  # int32[matches + 1]
    train: Array  # int64[spans, 2]: characters from, to
    item_at: Array  # int32[matches + 1]
    item: Array  # int64[spans, 2]


def scan_chunks(grams: Grams, chunks: list[Any]) -> Found:
    """Every match of the texts in `chunks` (see `texts.as_chunks`)."""
    parts = [buffers(chunk) for chunk in chunks]
    longest = max((int(np.diff(at).max(initial=0)) for _, at in parts), default=0)
    proposals, scratch = proposals_for(grams, longest), scratch_for(grams, longest)
    out, first, found = matches_for(grams, longest), 0, 0
    pieces = [_copied(out, found, first)]
    for data, at in parts:
        row = 0
        while row < len(at) - 1:
            row, pairs = find(data, at, row, first, code_points(), grams, proposals)
            rows, items, pair = proposals.rows[:pairs], proposals.items[:pairs], 0
            while pair < pairs:
                pair, found = check(data, at, code_points(), grams, rows, items, pair, scratch, out)
                pieces.append(_copied(out, found, first))
        first += len(at) - 1
    joined = Found(*map(np.concatenate, zip(*pieces, strict=True)))
    return joined._replace(train_at=_offsets(joined.train_at), item_at=_offsets(joined.item_at))


def _copied(out: Matches, found: int, first: int) -> Found:
    """The first matches in `out`, with numbers of spans where offsets will be."""
    train, item = (np.diff(until[:found], prepend=0) for until in (out.train_until, out.item_until))
    return Found(
        rows=out.rows[:found] + first,
        entries=out.items[:found].copy(),
        covered=out.covered[:found].copy(),
        train_at=train,
        train=out.train[: train.sum()].copy(),
        item_at=item,
        item=out.item[: item.sum()].copy(),
    )


def _offsets(sizes: Array) -> Array:
    return np.concatenate(([0], np.cumsum(sizes))).astype(np.int32)
