"""
Is a changed item found, and is what is found the right item?

Every kind of change is planted in clean rows as a source of its own, twice. `many`: all mutants of all benchmarks, so
that the source is over the 2 % line with each. `few`: five of each benchmark, or as many as stay under the line, make
the source; all mutants are then judged by what such a source says of words and phrases, and parts of short items
do not count.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from curation.engine.text.words import words
from decontam.engine.detecting import Detector
from decontam.engine.index import BenchmarkIndex
from decontam.engine.report import CONTAMINATED_ABOVE, METHODS
from quality.data import SEED, Item
from quality.mutants import NUMBER, Kind, Mutant
from quality.ours import Flag, background_of, judge

NEEDLES = 5


@dataclass
class Line:
    """One kind: shares of its mutants, and the mutants that the default policy missed."""

    kind: str
    mutants: int
    bar: float | None
    seen: float
    many: float
    few: float
    plain: float
    precision: float
    by_method: dict[str, float]
    alone: dict[str, float]
    peers: dict[str, float] = field(default_factory=dict)
    missed: dict[str, list[tuple[Mutant, str]]] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """
        A needle of a short item with another word in it cannot be told from a template about something else, and chance
        hits must not be flagged: where words were replaced the bar holds over the line only.
        """
        reached = self.many if "replaced" in self.kind else min(self.many, self.few)
        return self.bar is None or reached >= self.bar


class Right:
    """Which items a text quotes: the planted one, equal texts, and what the plain rule sees with numbers masked."""

    def __init__(self, benchmarks: dict[str, list[str]]) -> None:
        self._same: dict[tuple[str, ...], set[tuple[str, int]]] = defaultdict(set)
        for name, texts in benchmarks.items():
            for place, text in enumerate(texts):
                self._same[tuple(words(text))].add((name, place))
        self._masked = BenchmarkIndex.build(
            {name: [NUMBER.sub("0", text) for text in texts] for name, texts in benchmarks.items()}
        )

    def equal(self, item: Item) -> set[tuple[str, int]]:
        return self._same[tuple(words(item.text))]

    def sisters(self, items: Sequence[Item]) -> list[set[tuple[str, int]]]:
        """Of each: equal texts and those of which its own text holds more than half."""
        found = self._masked.scan([NUMBER.sub("0", item.text) for item in items])
        quoted = [set(self.equal(item)) for item in items]
        for row, name, place in zip(
            *(found.column(column).to_pylist() for column in ("row", "benchmark", "item")), strict=True
        ):
            quoted[row].add((name, place))
        return quoted


@dataclass(frozen=True)
class Examiner:
    detector: Detector
    right: Right
    base: Sequence[str]
    sizes: dict[str, int]

    def examine(self, kind: Kind, mutants: Sequence[Mutant]) -> Line:
        texts = [mutant.text for mutant in mutants]
        found = self.detector.scan(texts)
        many = judge(self.detector, background_of(self.detector, self.base, texts), texts, found)
        needles = [mutant.text for mutant in _needles(mutants, self.sizes)]
        few = judge(self.detector, background_of(self.detector, self.base, needles), texts, found)
        equal = [self.right.equal(mutant.item) for mutant in mutants]
        counting = many.counting()
        hit = _of_right(counting, equal)
        alone = _of_right((flag for flag in few.flags if flag.alone), equal)
        seen = _of_right(many.flags, equal)
        plain = _rows(self.detector.plain.scan(texts), equal)
        return Line(
            kind.name,
            len(mutants),
            kind.bar,
            seen=len(seen) / len(mutants),
            many=len(hit) / len(mutants),
            few=len(alone) / len(mutants),
            plain=len(plain) / len(mutants),
            precision=self._precision(counting, mutants),
            by_method={name: len(_by(hit, name)) / len(mutants) for name in METHODS},
            alone={name: len(_by(hit, name, only=True)) / len(mutants) for name in METHODS},
            missed={
                "many": [(mutants[row], _why(seen, row)) for row in range(len(mutants)) if row not in hit],
                "few": [
                    (mutants[row], _why(_of_right(few.flags, equal), row))
                    for row in range(len(mutants))
                    if row not in alone
                ],
            },
        )

    def _precision(self, flags: Sequence[Flag], mutants: Sequence[Mutant]) -> float:
        quoted = self.right.sisters([mutant.item for mutant in mutants])
        good = sum((flag.benchmark, flag.item) in quoted[flag.row] for flag in flags)
        return good / len(flags) if flags else 1.0


def _needles(mutants: Sequence[Mutant], sizes: dict[str, int]) -> Iterable[Mutant]:
    """Of each benchmark NEEDLES, or as many as are not more than 2 % of its items; all copies of those."""
    items: dict[str, set[int]] = defaultdict(set)
    for mutant in random.Random(SEED).sample(mutants, len(mutants)):
        name, place = mutant.item.benchmark, mutant.item.place
        most = min(NEEDLES, int(CONTAMINATED_ABOVE * sizes[name]))
        if place in items[name] or len(items[name]) < most:
            items[name].add(place)
            yield mutant


def _of_right(flags: Iterable[Flag], equal: Sequence[set[tuple[str, int]]]) -> dict[int, list[Flag]]:
    """By row: the flags that name its own item."""
    found: dict[int, list[Flag]] = defaultdict(list)
    for flag in flags:
        if (flag.benchmark, flag.item) in equal[flag.row]:
            found[flag.row].append(flag)
    return found


def _rows(found: Any, equal: Sequence[set[tuple[str, int]]]) -> set[int]:
    columns = (found.column(name).to_pylist() for name in ("row", "benchmark", "item"))
    return {row for row, name, place in zip(*columns, strict=True) if (name, place) in equal[row]}


def _by(hit: dict[int, list[Flag]], method: str, only: bool = False) -> set[int]:
    """Rows whose item this method found; `only`: that no other method found."""
    return {
        row
        for row, flags in hit.items()
        if any(method in flag.methods for flag in flags)
        and not (only and any(set(flag.methods) != {method} for flag in flags))
    }


def _why(found: dict[int, list[Flag]], row: int) -> str:
    return found[row][0].suppressed if row in found else "not found"
