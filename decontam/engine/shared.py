"""Where two texts say the same: the runs of words that are covered by shingles of both, as ranges of characters."""

import re
from typing import TypeAlias

_WORD = re.compile(r"\w+")
Place: TypeAlias = tuple[str, int, int]
Span: TypeAlias = dict[str, int]


def shared_spans(left: str, right: str, size: int) -> tuple[list[Span], list[Span]]:
    """For each text its maximal runs, half-open as Python slices strings; shingles are of `size` words."""
    sides = [located(text) for text in (left, right)]
    one, other = ({_shingle(places, k, size) for k in _starts(places, size)} for places in sides)
    return _runs(sides[0], one & other, size), _runs(sides[1], one & other, size)


def located(text: str) -> list[Place]:
    """The words of `text` as `words` splits it, each with its range of characters in `text` itself."""
    lower = text.lower()
    origin = (
        range(len(text))
        if len(lower) == len(text)
        else [at for at, one in enumerate(text) for _ in one.lower()]
    )
    return [(found[0], origin[found.start()], origin[found.end() - 1] + 1) for found in _WORD.finditer(lower)]


def _starts(places: list[Place], size: int) -> range:
    return range(max(len(places) - size, 0) + 1 if places else 0)


def _shingle(places: list[Place], start: int, size: int) -> tuple[str, ...]:
    return tuple(word for word, _, _ in places[start : start + size])


def _runs(places: list[Place], shared: set[tuple[str, ...]], size: int) -> list[Span]:
    runs: list[Span] = []
    last = -1  # the last word that is covered
    for k in _starts(places, size):
        if _shingle(places, k, size) in shared:
            end = min(k + size, len(places)) - 1
            if k <= last + 1 and runs:
                runs[-1]["end"] = places[end][2]
            else:
                runs.append({"start": places[k][1], "end": places[end][2]})
            last = end
    return runs
