"""Rows as passages: windows of bounded size, so that a long row is compared piece by piece and the best one counts."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from curation.engine.text.jit import Array

BATCH = 512


class Passages(NamedTuple):
    """Passage k is characters start[k] … end[k] of row[k]; a row's passages are neighbours."""

    texts: list[str]
    row: Array  # int64
    start: Array  # int64
    end: Array  # int64


def windows(text: str, window: int, most: int) -> list[tuple[int, int]]:
    """
    Overlapping halves of `window` characters, moved to the white space before them; none for a blank text.

    Where that makes more than `most`, that many of them at equal distances.
    """
    if not text.strip():
        return []
    if len(text) <= window:
        return [(0, len(text))]
    step = window // 2
    starts = range(0, len(text), step)
    if len(starts) > most:
        starts = range(0, len(text), -(-len(text) // (step * most)) * step)
    cut = [(_after_space(text, at, step), _after_space(text, at + window, step)) for at in starts]
    return [(start, end) for start, end in cut if text[start:end].strip()]


def _after_space(text: str, at: int, reach: int) -> int:
    """The nearest place before `at` where a word begins, if there is one not far away."""
    if not 0 < at < len(text):
        return min(at, len(text))
    space = max(text.rfind(" ", at - reach // 2, at), text.rfind("\n", at - reach // 2, at))
    return space + 1 if space >= 0 else at


def passages(texts: Sequence[str | None], window: int, most: int, first: int = 0) -> Passages:
    """Every row's windows; `first` is the number of the first row."""
    cut = [
        (first + row, start, end)
        for row, text in enumerate(texts)
        for start, end in windows(text or "", window, most)
    ]
    table = np.array(cut, np.int64).reshape(-1, 3)
    return Passages([(texts[row - first] or "")[a:b] for row, a, b in cut], *np.ascontiguousarray(table.T))


def joined(parts: Sequence[Passages]) -> Passages:
    """One after the other; nothing of no parts."""
    if not parts:
        return passages([], 1, 1)
    texts = [text for part in parts for text in part.texts]
    columns = (np.concatenate(column) for column in zip(*(part[1:] for part in parts), strict=True))
    return Passages(texts, *columns)


def batches(texts: Sequence[str | None], window: int, most: int) -> Iterator[Passages]:
    """Passages of some whole rows at a time, about `BATCH` of them or those of one row."""
    begin, size = 0, 0
    for row, text in enumerate(texts):
        size += 1 + min(2 * len(text or "") // window, most)
        if size >= BATCH or row == len(texts) - 1:
            yield passages(texts[begin : row + 1], window, most, begin)
            begin, size = row + 1, 0
