"""
Benchmarks as an index of meanings, that training rows are compared with, from a notebook or a worker.

    index = SemanticIndex.build({"GSM8K-test": prompts}, load_encoder("minilm"), SemanticConfig())
    calibration = index.calibrate(clean_rows)
    matches = index.scan(rows, calibration)
"""

import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from curation.engine.errors import BadConfig, BadInput
from curation.engine.text.jit import Array
from decontam.engine.index import MATCHES, Texts
from decontam.engine.semantic.calibration import Background, Calibration
from decontam.engine.semantic.closeness import Comparison
from decontam.engine.semantic.config import LEXICAL_ONLY, SemanticConfig
from decontam.engine.semantic.encoders import Encoder, encoded
from decontam.engine.semantic.fitting import Items, Sample, fit, totals
from decontam.engine.semantic.lexical import Vocabulary
from decontam.engine.semantic.passages import Passages, batches, joined
from decontam.engine.semantic.spans import closest
from decontam.engine.semantic.texts import as_strings

Progress = Callable[[int, int], None]
SLICE = 512
MOST_ITEMS = 100_000  # each passage of each row is compared with every item
MOST_PASSAGES = 4  # for each row that calibration may look at: memory grows with their number


def _silent(done: int, total: int) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True, eq=False)
class SemanticIndex:
    """
    The items of some benchmarks, ready to be calibrated and scanned with; it never changes.

    `unchecked` are positions of items without any word, which match nothing. `identity` names texts, encoder and
    window: a calibration is only good for the index that it was made with.
    """

    config: SemanticConfig
    encoder: Encoder | None
    identity: str
    texts: dict[str, list[str]]
    _vocabulary: Vocabulary
    _items: dict[str, Items]

    @classmethod
    def build(
        cls,
        benchmarks: Mapping[str, Texts],
        encoder: Encoder | None,
        config: SemanticConfig | None = None,
        progress: Progress = _silent,
    ) -> "SemanticIndex":
        """
        Index `{benchmark: texts}`. Without an encoder the method compares words only, and needs no further package.

        `progress(done, total)` is told as texts are encoded, and may raise. Raises BadInput without benchmarks, for
        one without any word, above `MOST_ITEMS` items, for anything that is not text, and when the encoder fails.
        """
        config = config or SemanticConfig(encoder=encoder.name if encoder else LEXICAL_ONLY)
        if not isinstance(benchmarks, Mapping) or not benchmarks:
            raise BadInput("There is no benchmark to index.")
        texts = {name: as_strings(given) for name, given in benchmarks.items()}
        everything = [text for given in texts.values() for text in given]
        _require_comparable(len(everything))
        vocabulary = Vocabulary.of(everything)
        vectors = _encode(encoder, everything, config.window, progress)
        ends = np.concatenate(([0], np.cumsum([len(given) for given in texts.values()])))
        items = {}
        for name, (first, last) in zip(texts, pairwise(ends.tolist()), strict=True):
            features = vocabulary.features(everything[first:last])
            items[name] = Items.of(features, None if vectors is None else vectors[first:last])
            if items[name].empty.all():
                raise BadInput(f"Benchmark {name} has no item with a word in it.")
        return cls(config, encoder, _identity(texts, encoder, config), texts, vocabulary, items)

    @property
    def unchecked(self) -> dict[str, list[int]]:
        return {name: np.flatnonzero(items.empty).tolist() for name, items in self._items.items()}

    @property
    def nbytes(self) -> int:
        """Memory of features, vectors and vocabulary, in bytes."""
        return self._vocabulary.nbytes + sum(items.nbytes for items in self._items.values())

    def calibrate(self, background: Texts, progress: Progress = _silent) -> Calibration:
        """
        What clean rows look like to each benchmark: a threshold that `false_alarms` of them exceed.

        Of the distinct rows at most `config.background` are used, chosen and halved by the hash of their text, so that
        neither order nor repetition matters. One half is fitted, the other says what the rate is on rows that were not
        fitted. Positions in `highest` are those of `background`. Raises BadInput where there are too few rows.
        """
        rows = as_strings(background)
        place = {text: row for row, text in reversed(list(enumerate(rows))) if text.strip()}
        chosen = sorted(place, key=_order)[: self.config.background]
        cut = self._some_passages(chosen)
        self._refuse_few(int(cut.row[-1]) + 1 if cut.texts else 0)
        told = np.array([place[text] for text in chosen], np.int64)
        vectors = _encode(self.encoder, cut.texts, self.config.window, progress, self._dimensions)
        sample = Sample(self._vocabulary.features(cut.texts), vectors, told[cut.row])
        fitted = cut.row % 2 == 0
        halves = sample.take(fitted), sample.take(~fitted)
        backgrounds = {
            name: fit(items, *halves, self.config.false_alarms) for name, items in self._items.items()
        }
        return Calibration(self.identity, backgrounds)

    def scan(self, texts: Texts, calibration: Calibration) -> Any:
        """
        All matches of `texts` as a pyarrow Table of schema `MATCHES`, method "semantic": at most `top_k` items of a
        benchmark for each row, those that exceed its threshold by most.

        `score` is 1 - the estimated share of clean rows that score as high. Spans are the sentences of the row's best
        passage that are closest to the item, and the whole item. Working memory grows with the longest text only.
        """
        if calibration.index != self.identity:
            raise BadConfig(
                "The calibration belongs to other benchmarks, another encoder or another window; calibrate again."
            )
        rows, matches = as_strings(texts), []
        scored = {
            name: Scored(items, calibration.backgrounds[name], self.config.top_k)
            for name, items in self._items.items()
        }
        for batch in batches(rows, self.config.window, self.config.most_windows):
            matches += self._scan(batch, scored)
        return pa.Table.from_pylist(matches, MATCHES)

    def _scan(self, batch: Passages, scored: Mapping[str, "Scored"]) -> list[dict[str, Any]]:
        if not batch.texts:
            return []
        vectors = _encode(self.encoder, batch.texts, self.config.window, _silent, self._dimensions)
        sample = Sample(self._vocabulary.features(batch.texts), vectors, batch.row)
        found = [
            (row, order, item, name, passage, score)
            for order, (name, one) in enumerate(scored.items())
            for row, item, passage, score in one.found(sample)
        ]
        return [
            self._match(batch, name, row, item, passage, score)
            for row, _, item, name, passage, score in sorted(found)
        ]

    def _match(
        self, batch: Passages, name: str, row: int, item: int, passage: int, score: float
    ) -> dict[str, Any]:
        text, start = self.texts[name][item], int(batch.start[passage])
        spans = closest(batch.texts[passage], text)
        return {
            "row": row,
            "benchmark": name,
            "item": item,
            "method": "semantic",
            "score": score,
            "train_spans": [{"start": start + a, "end": start + b} for a, b in spans],
            "item_spans": [{"start": 0, "end": len(text)}],
        }

    def _some_passages(self, chosen: Sequence[str]) -> Passages:
        """Those of the first rows, as many as calibration can hold."""
        parts, held = [], 0
        for batch in batches(chosen, self.config.window, self.config.most_windows):
            parts.append(batch)
            held += len(batch.texts)
            if held >= MOST_PASSAGES * self.config.background:
                break
        return joined(parts)

    @property
    def _dimensions(self) -> int | None:
        vectors = next(iter(self._items.values())).vectors
        return None if vectors is None else vectors.shape[1]

    def _refuse_few(self, rows: int) -> None:
        needed = max(200, 2 * int(np.ceil(1 / self.config.false_alarms)))
        if rows < needed:
            raise BadInput(
                f"A false-alarm rate of {self.config.false_alarms:.2%} cannot be measured on {rows:,} distinct rows: "
                f"it takes {needed:,}. Give more background, or allow more false alarms."
            )


class Scored:
    """One benchmark with its background, as a scan needs it."""

    def __init__(self, items: Items, background: Background, top_k: int) -> None:
        self.items, self.background, self.top_k = items, background, top_k
        self.weighted = items.weighted(background.having, background.passages)

    def found(self, sample: Sample) -> list[tuple[int, int, int, float]]:
        """(row, item, best passage, certainty) of all that exceed the threshold, the best `top_k` of each row."""
        compared = Comparison(sample.features, sample.vectors, self.weighted, self.items.vectors)
        crowd = compared.crowd()
        passage, item, total = [], [], []
        for block in compared.blocks():
            values = totals(block, crowd, self.background, self.items.empty)
            rows, columns = np.nonzero(values > self.background.threshold)
            passage.append(rows)
            item.append(block.first + columns)
            total.append(values[rows, columns])
        return self._best(sample.row, *map(np.concatenate, (passage, item, total)))

    def _best(
        self, row_of: Array, passage: Array, item: Array, total: Array
    ) -> list[tuple[int, int, int, float]]:
        """Each item once for a row, by its best passage; then the best of each row."""
        row = row_of[passage]
        order = np.lexsort((passage, -total, item, row))
        first = _changes(row[order], item[order])
        order = order[first]
        order = order[np.lexsort((item[order], -total[order], row[order]))]
        rank = np.arange(len(order)) - np.maximum.accumulate(
            np.where(_changes(row[order]), np.arange(len(order)), 0)
        )
        order = order[rank < self.top_k]
        certain = self.background.certainty(total[order].astype(np.float64))
        columns = (row[order], item[order], passage[order], certain)
        return list(zip(*(column.tolist() for column in columns), strict=True))


def _changes(*columns: Array) -> Array:
    """bool: differs from the row before in some column."""
    changed = np.zeros(len(columns[0]), bool)
    changed[:1] = True
    for column in columns:
        changed[1:] |= column[1:] != column[:-1]
    return changed


def _order(text: str) -> tuple[int, str]:
    return zlib.crc32(text.encode()), text


def _identity(texts: Mapping[str, Sequence[str]], encoder: Encoder | None, config: SemanticConfig) -> str:
    digest = hashlib.sha256(f"{encoder.name if encoder else LEXICAL_ONLY}\0{config.window}".encode())
    for name, given in texts.items():
        for text in (name, *given):
            digest.update(f"{len(text)}\0{text}".encode())
    return digest.hexdigest()[:32]


def _encode(
    encoder: Encoder | None,
    texts: Sequence[str],
    window: int,
    progress: Progress,
    dimensions: int | None = None,
) -> Array | None:
    """Vectors of the texts' first `window` characters, those of about equal length together; blank ones are 0."""
    if encoder is None:
        return None
    order = sorted((k for k, text in enumerate(texts) if text.strip()), key=lambda k: len(texts[k]))
    vectors = np.zeros((len(texts), dimensions or 0), np.float32)
    for done in range(0, len(order), SLICE):
        progress(done, len(order))
        part = order[done : done + SLICE]
        given = encoded(encoder, [texts[k][:window] for k in part], dimensions)
        dimensions = given.shape[1]
        if not vectors.shape[1]:
            vectors = np.zeros((len(texts), dimensions), np.float32)
        vectors[part] = given
    progress(len(order), len(order))
    return vectors


def _require_comparable(items: int) -> None:
    if items > MOST_ITEMS:
        raise BadInput(
            f"{items:,} items are too many to compare each with every row by meaning; it takes at most {MOST_ITEMS:,}. "
            "Scan against fewer benchmarks at once, or without an encoder."
        )
