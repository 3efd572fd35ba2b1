"""
The lexical side: how much of what identifies an item does a passage contain?

Features are words and pairs of neighbouring words. Each weighs what it tells: the logarithm of how rare it is among
clean passages and among the benchmark's own items (inverse document frequency), so that neither the prose of a corpus
nor the boilerplate of a benchmark counts for much. Identifiers are split and the names of code fences are no words.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from scipy import sparse

from curation.engine.text.jit import Array, kernel

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
_word = re.compile(rf"[{_IDEOGRAPHS}]|\d+(?:[.,]\d+)*|[^\W\d_{_IDEOGRAPHS}]+")
_joint = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_fence = re.compile(r"^[ \t]*(?:```|~~~)[^\n]*$", re.MULTILINE)


def split(text: str) -> list[str]:
    """The words of a text: case folded, identifiers taken apart, each ideograph alone, numbers whole."""
    text = _fence.sub(" ", text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return _word.findall(_joint.sub(" ", text).casefold())


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """
    The features of all items. Words are numbered from 0; behind them the pairs, by their place in `pairs`.

    A pair of words a, b is stored as a · words + b, exactly: there are no hashes that could collide.
    """

    words: dict[str, int]
    pairs: Array  # int64, sorted

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Vocabulary":
        said = [split(text) for text in texts]
        words = {word: number for number, word in enumerate(dict.fromkeys(chain.from_iterable(said)))}
        _, owner, numbers = _numbered(said, words)
        return cls(words, np.unique(_pairs(owner, numbers, len(words))[1]))

    @property
    def size(self) -> int:
        return len(self.words) + len(self.pairs)

    @property
    def nbytes(self) -> int:
        return self.pairs.nbytes + sum(len(word) + 130 for word in self.words)

    def features(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """float32[texts, size]: 1 where the text has the feature."""
        count, owner, numbers = _numbered([split(text) for text in texts], self.words)
        pair_owner, pairs = _pairs(owner, numbers, len(self.words))
        place = np.searchsorted(self.pairs, pairs)
        known = place < len(self.pairs)
        known[known] = self.pairs[place[known]] == pairs[known]
        rows = np.concatenate((owner[numbers >= 0], pair_owner[known]))
        columns = np.concatenate((numbers[numbers >= 0], len(self.words) + place[known]))
        found = sparse.csr_matrix(
            (np.ones(len(rows), np.float32), (rows, columns)), shape=(count, self.size), dtype=np.float32
        )
        found.sum_duplicates()
        found.data[:] = 1
        return found


def _numbered(said: Sequence[Sequence[str]], words: dict[str, int]) -> tuple[int, Array, Array]:
    """For all texts one after the other: whose word it is, and its number, -1 for a word of no item."""
    lengths = np.fromiter(map(len, said), np.int64, len(said))
    numbers = np.fromiter(
        (words.get(word, -1) for word in chain.from_iterable(said)), np.int64, lengths.sum()
    )
    return len(said), np.repeat(np.arange(len(said)), lengths), numbers


def _pairs(owner: Array, numbers: Array, words: int) -> tuple[Array, Array]:
    """Whose they are, and the pairs of neighbouring words that are both known."""
    joined = (owner[1:] == owner[:-1]) & (numbers[1:] >= 0) & (numbers[:-1] >= 0)
    return owner[1:][joined], numbers[:-1][joined] * words + numbers[1:][joined]


def counts(features: sparse.csr_matrix) -> Array:
    """int64 for each feature: how many texts have it."""
    return np.bincount(features.indices, minlength=features.shape[1])


def information(having: Array, texts: int) -> Array:
    """float32: what it tells that a text has a feature which `having` of `texts` have."""
    told: Array = np.log((texts + 1) / (having + 0.5)).clip(0).astype(np.float32)
    return told


class Weighted:
    """
    Items with their features weighted, ready to be compared.

    `spared` are the weights as they were without a passage that has the feature, for passages that were themselves
    counted: so calibration scores each as if it had not been in the background.
    """

    def __init__(self, items: sparse.csr_matrix, weights: Array, spared: Array | None = None) -> None:
        self._items = items
        self._plain = weights[items.indices]
        self._spared = None if spared is None else spared[items.indices]
        self._total = np.maximum(items @ weights, 1e-9).astype(np.float32)

    def __len__(self) -> int:
        return int(self._items.shape[0])

    def contained(self, passages: sparse.csr_matrix, first: int, last: int) -> Array:
        """
        float32[passages, last - first]: the share of each item's information that a passage has, 0 … 1.

        `passages` is turned: one row for each feature.
        """
        total = self._total[first:last, None]
        shared = self._shared(self._plain, passages, first, last)
        if self._spared is not None:
            seen = shared
            shared = self._shared(self._spared, passages, first, last)
            total = np.maximum(total - seen + shared, np.float32(1e-9))
        share: Array = np.ascontiguousarray((shared / total).T)
        return share

    def _shared(self, weights: Array, passages: sparse.csr_matrix, first: int, last: int) -> Array:
        out = np.zeros((last - first, passages.shape[1]), np.float32)
        items = self._items
        add_shared(
            items.indptr[first : last + 1], items.indices, weights, passages.indptr, passages.indices, out
        )
        return out


@kernel
def add_shared(items_at: Any, features: Any, weights: Any, passages_at: Any, passages: Any, out: Any) -> None:
    """out[item, passage] += the weights of the features that both have; scipy would make it a sparse matrix first."""
    for item in range(len(items_at) - 1):
        for k in range(items_at[item], items_at[item + 1]):
            feature = features[k]
            for place in range(passages_at[feature], passages_at[feature + 1]):
                out[item, passages[place]] += weights[k]
