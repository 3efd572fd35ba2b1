"""
From clean passages to a background, by a fixed rule: nothing here was fitted to known contamination.

The score of a passage for an item adds three pieces of evidence, each in units of how it spreads among clean rows:
  by the encoder, how many times nearer the passage is to the item than the nearest hundredth of the background,
  by the encoder, how many times nearer it is to the item than to the next ten items,
  by words, how many times less of the item's information it lacks than the fullest hundredth of the background.
Each clean passage is scored as if it were not in the background itself; otherwise rates would look too good.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy import sparse

from curation.engine.text.jit import Array
from decontam.engine.semantic.calibration import Background, Scale, highest
from decontam.engine.semantic.closeness import Block, Comparison
from decontam.engine.semantic.lexical import Weighted, counts, information

NEAREST_SHARE = 0.01
MOST_SET_ASIDE = 0.1
ROUNDS = (MOST_SET_ASIDE, NEAREST_SHARE, NEAREST_SHARE)
FAR_OUT = 10.0  # times the way from the median to the upper quartile: one of 10,000 rows under Gumbel's law


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """One benchmark's items: their features and vectors, which features they have and how many items have each."""

    features: sparse.csr_matrix
    vectors: Array | None  # float32[items, dimensions]
    columns: Array  # int64: features that some item has
    having: Array  # int64: items with that feature
    empty: Array  # bool[items]: nothing to compare

    @classmethod
    def of(cls, features: sparse.csr_matrix, vectors: Array | None) -> "Items":
        having = counts(features)
        columns = np.flatnonzero(having)
        return cls(features, vectors, columns, having[columns], np.diff(features.indptr) == 0)

    @property
    def nbytes(self) -> int:
        held = self.features.data.nbytes + self.features.indices.nbytes + self.features.indptr.nbytes
        vectors = 0 if self.vectors is None else self.vectors.nbytes
        return int(held + vectors + self.columns.nbytes + self.having.nbytes)

    def weighted(self, having: Array, passages: int, sparing: bool = False) -> Weighted:
        """Features weighted by how few of the background's passages and of the items have them."""
        texts, both = passages + self.features.shape[0], having + self.having
        weights = self._spread(information(both, texts))
        spared = self._spread(information(both - 1, texts - 1)) if sparing else None
        return Weighted(self.features, weights, spared)

    def _spread(self, values: Array) -> Array:
        wide = np.zeros(self.features.shape[1], np.float32)
        wide[self.columns] = values
        return wide


class Sample(NamedTuple):
    """Passages of background rows; those of a row are neighbours."""

    features: sparse.csr_matrix
    vectors: Array | None
    row: Array  # int64

    def take(self, kept: Array) -> "Sample":
        vectors = None if self.vectors is None else self.vectors[kept]
        return Sample(self.features[kept], vectors, self.row[kept])

    @property
    def begins(self) -> Array:
        """Where each row's passages begin."""
        return np.flatnonzero(np.concatenate(([True], self.row[1:] != self.row[:-1])))


class Best(NamedTuple):
    """Each row's best total, and the item it is for."""

    rows: Array
    totals: Array
    items: Array


class Reach(NamedTuple):
    """For each item: how close the nearest share of passages comes, and the one behind, without one of them."""

    at: Array
    behind: Array

    def for_each(self, values: Array, block: Block) -> Array:
        """The reach of the other passages, for each passage and item of a block."""
        at, behind = self.at[block.first : block.last], self.behind[block.first : block.last]
        return np.where(values >= at, behind, at)


def views(block: Block, crowd: Array, near: Array, shared: Array) -> list[Array]:
    """The pieces of evidence, float32[passages, items] each; `near` and `shared` are the background's reach."""
    words = block.shared - shared
    if block.near is None:
        return [words]
    return [block.near - near, block.near - crowd, words]


def totals(block: Block, crowd: Array, background: Background, empty: Array) -> Array:
    """float32[passages, items] of evidence that a passage holds an item; -inf for empty items."""
    here = slice(block.first, block.last)
    seen = views(block, crowd, background.near[here], background.shared[here])
    return _added(seen, background.scales, empty[here])


def _added(seen: Sequence[Array], scales: Sequence[Scale], empty: Array) -> Array:
    total = np.zeros(seen[0].shape, np.float32)
    for values, scale in zip(seen, scales, strict=True):
        total += (values - np.float32(scale.centre)) / np.float32(scale.width)
    total[:, empty] = -np.inf
    return total


def fit(items: Items, sample: Sample, held_out: Sample, false_alarms: float) -> Background:
    """
    The background of one benchmark: fitted on `sample`, its rate measured on `held_out`.

    Up to a tenth of both may be contaminated: first each item is compared with the nearest tenth of the background,
    and rows far out are set aside; then twice with its nearest hundredth.
    """
    rows = len(sample.begins)
    for share in ROUNDS:
        fitted = Fitting(items, sample, share)
        best = fitted.best()
        clean = _plausible(best.totals, rows)
        sample = sample.take(np.isin(sample.row, best.rows[clean]))
    clean_totals = np.sort(best.totals[clean])[::-1]
    threshold = float(clean_totals[int(false_alarms * len(clean_totals))])
    background = fitted.background(clean_totals, rows, threshold)
    unseen = best_totals(items, held_out, background)
    found = [*zip(*_listed(best), strict=True), *zip(*_listed(unseen), strict=True)]
    return replace(
        background,
        rows_held_out=len(unseen.rows),
        held_out_rate=float((unseen.totals > threshold).mean()),
        highest=highest(found, background),
    )


def _plausible(values: Array, rows: int) -> Array:
    """bool: not far out. What was set aside of the `rows` there were at first never exceeds a tenth of them."""
    middle, upper = np.quantile(values, (0.5, 0.75))
    kept = rows - int(MOST_SET_ASIDE * rows)
    certain = np.sort(values)[min(kept, len(values)) - 1]
    plausible: Array = values <= max(middle + FAR_OUT * (upper - middle), certain)
    return plausible


def _listed(best: Best) -> tuple[list[float], list[int], list[int]]:
    return best.totals.tolist(), best.rows.tolist(), best.items.tolist()


def best_totals(items: Items, sample: Sample, background: Background) -> Best:
    """Each row's best total over its passages and all items, as a scan sees it."""
    weighted = items.weighted(background.having, background.passages)
    compared = Comparison(sample.features, sample.vectors, weighted, items.vectors)
    crowd = compared.crowd()
    blocks = ((block, totals(block, crowd, background, items.empty)) for block in compared.blocks())
    return _best(sample, blocks)


def _best(sample: Sample, blocks: Iterator[tuple[Block, Array]]) -> Best:
    count = len(sample.row)
    best, item = np.full(count, -np.inf, np.float32), np.zeros(count, np.int64)
    for block, values in blocks:
        highest_here = values.max(axis=1)
        better = highest_here > best
        item[better] = block.first + values.argmax(axis=1)[better]
        best[better] = highest_here[better]
    begins = sample.begins
    group = np.repeat(np.arange(len(begins)), np.diff(begins, append=count))
    order = np.lexsort((-best, group))[begins]
    return Best(sample.row[order], best[order], item[order])


class Fitting:
    """One round: the statistics of a sample, in which no passage speaks for itself."""

    def __init__(self, items: Items, sample: Sample, share: float) -> None:
        self.items, self.sample = items, sample
        self.having = counts(sample.features)[items.columns]
        weighted = items.weighted(self.having, len(sample.row), sparing=True)
        self.compared = Comparison(sample.features, sample.vectors, weighted, items.vectors)
        self.crowd = self.compared.crowd()
        self.near, self.shared = self._reach(share)
        self.scales = self._scales()

    def _reach(self, share: float) -> tuple[Reach, Reach]:
        place = max(1, int(share * len(self.sample.row)))
        near, shared = [], []
        for block in self.compared.blocks():
            shared.append(_reached(block.shared, place))
            if block.near is not None:
                near.append(_reached(block.near, place))
        return _joined(near), _joined(shared)

    def _views(self) -> Iterator[tuple[Block, list[Array]]]:
        for block in self.compared.blocks():
            shared = self.shared.for_each(block.shared, block)
            near = shared if block.near is None else self.near.for_each(block.near, block)
            yield block, views(block, self.crowd, near, shared)

    def _scales(self) -> list[Scale]:
        """Of each piece alone: the spread of the rows' best values."""
        best: list[Array] = []
        for block, seen in self._views():
            full = ~self.items.empty[block.first : block.last]
            here = [values[:, full].max(axis=1, initial=-np.inf) for values in seen]
            best = [np.maximum(*pair) for pair in zip(best, here, strict=True)] if best else here
        return [Scale.of(np.maximum.reduceat(values, self.sample.begins)) for values in best]

    def best(self) -> Best:
        blocks = (
            (block, _added(seen, self.scales, self.items.empty[block.first : block.last]))
            for block, seen in self._views()
        )
        return _best(self.sample, blocks)

    def background(self, clean_totals: Array, rows: int, threshold: float) -> Background:
        return Background(
            passages=len(self.sample.row),
            rows_fitted=len(clean_totals),
            rows_held_out=0,
            rows_set_aside=rows - len(clean_totals),
            threshold=threshold,
            fitted_rate=float((clean_totals > threshold).mean()),
            held_out_rate=0.0,
            highest=[],
            scales=self.scales,
            having=self.having.astype(np.int32),
            near=self.near.at,
            shared=self.shared.at,
            totals=clean_totals,
        )


def _reached(values: Array, place: int) -> Reach:
    """The value at `place` from the top of each column, and the next."""
    behind, at = np.partition(values, (-place - 1, -place), axis=0)[[-place - 1, -place]]
    return Reach(at, behind)


def _joined(parts: list[Reach]) -> Reach:
    none = [np.zeros(0, np.float32)]
    return Reach(
        np.concatenate([p.at for p in parts] or none), np.concatenate([p.behind for p in parts] or none)
    )
