"""
How close passages are to the items of one benchmark, a block of items at a time.

Both sides speak of the distance that is left: closeness = -log(1 - similarity), so that a difference of two of them
says how many times nearer one is than the other. Similarity is the cosine of two vectors (encoder side) or the share
of an item's information that a passage contains (lexical side).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy import sparse

from curation.engine.text.jit import Array
from decontam.engine.semantic.lexical import Weighted

NEAREST = np.float32(0.02)  # nearer than this counts as equal
CELLS = 1 << 23  # of a dense block
NEIGHBOURS = 10


class Block(NamedTuple):
    """Items first … last: float32[passages, items] of closeness by the encoder, if there is one, and by words."""

    first: int
    last: int
    near: Array | None
    shared: Array


def closeness(similarity: Array) -> Array:
    left: Array = -np.log(np.maximum(1 - similarity, NEAREST))
    return left.astype(np.float32, copy=False)


class Comparison:
    """Some passages against all items of one benchmark; a single block is kept, more are computed at each pass."""

    def __init__(
        self, features: sparse.csr_matrix, vectors: Array | None, items: Weighted, item_vectors: Array | None
    ) -> None:
        self._features, self._vectors = features.T.tocsr(), vectors
        self._items, self._item_vectors = items, item_vectors
        self._count = features.shape[0]
        self._kept: Block | None = None

    def blocks(self) -> Iterator[Block]:
        cuts = self._cuts()
        if len(cuts) == 1:
            self._kept = self._kept or self._block(*cuts[0])
            yield self._kept
        else:
            for first, last in cuts:
                yield self._block(first, last)

    def crowd(self) -> Array:
        """
        float32[passages, 1]: mean closeness, by the encoder, of the ten next items behind the nearest one.

        A passage that is near to many items is near to none in particular.
        """
        wide = min(NEIGHBOURS, len(self._items) - 1) + 1
        best = np.zeros((self._count, 0), np.float32)
        for first, last in self._cuts():
            near = self._near(first, last)
            if near is None or wide < 2:
                return np.zeros((self._count, 1), np.float32)
            best = _largest(np.concatenate((best, _largest(near, wide)), axis=1), wide)
        crowd: Array = (best.sum(axis=1, keepdims=True) - best.max(axis=1, keepdims=True)) / (wide - 1)
        return crowd

    def _cuts(self) -> list[tuple[int, int]]:
        size = max(1, CELLS // max(1, self._count))
        return [(first, min(first + size, len(self._items))) for first in range(0, len(self._items), size)]

    def _block(self, first: int, last: int) -> Block:
        shared = closeness(self._items.contained(self._features, first, last))
        return Block(first, last, self._near(first, last), shared)

    def _near(self, first: int, last: int) -> Array | None:
        if self._vectors is None or self._item_vectors is None:
            return None
        return closeness(self._vectors @ self._item_vectors[first:last].T)


def _largest(values: Array, count: int) -> Array:
    if values.shape[1] <= count:
        return values
    return np.partition(values, -count, axis=1)[:, -count:]
