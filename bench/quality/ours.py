"""The detector and its judgement, as a scan applies them by default."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from decontam.engine.background import Background
from decontam.engine.detecting import Detector
from decontam.engine.precision import PARTIAL, Precision
from decontam.engine.report import CONTAMINATED_ABOVE

try:
    from decontam.engine.near import NearIndex
except ImportError:
    NearIndex = None

Texts = Sequence[str]


@dataclass(frozen=True)
class Near:
    """`decontam.engine.near` as a method of a detector."""

    index: Any
    name: str = "near"

    def scan(self, texts: Any, /) -> Any:
        return self.index.scan(texts)


def other_methods(benchmarks: Mapping[str, Texts]) -> tuple[Any, ...]:
    """Methods that the default profile has beside the n-gram ones, where this tree has them."""
    return (Near(NearIndex.build(benchmarks)),) if NearIndex else ()


@dataclass(frozen=True)
class Flag:
    """A pair that counts, or would: `parts` says that it does only where its source is over the line."""

    row: int
    benchmark: str
    item: int
    methods: tuple[str, ...]
    doubt: float
    suppressed: str

    @property
    def alone(self) -> bool:
        return not self.suppressed

    @property
    def parts(self) -> bool:
        return self.suppressed == PARTIAL


@dataclass(frozen=True)
class Judged:
    """All that was found in a source."""

    flags: tuple[Flag, ...]
    sizes: Mapping[str, int]

    def over_line(self) -> set[str]:
        """Benchmarks of which the source holds more than 2 %, by what counts for itself."""
        hit: dict[str, set[int]] = defaultdict(set)
        for flag in self.flags:
            if flag.alone:
                hit[flag.benchmark].add(flag.item)
        return {name for name, items in hit.items() if len(items) > CONTAMINATED_ABOVE * self.sizes[name]}

    def counting(self) -> list[Flag]:
        """Flagged by the default policy."""
        over = self.over_line()
        return [flag for flag in self.flags if flag.alone or (flag.parts and flag.benchmark in over)]


def judge(detector: Detector, background: Background, texts: Texts, found: Any = None) -> Judged:
    """`found`: what the detector found in the texts, where that is known."""
    found = detector.scan(texts) if found is None else found
    table = Precision(detector, background).judge(found, texts)
    names = ["row", "benchmark", "item", "found_by", "doubt", "suppressed"]
    flags = tuple(
        Flag(row, name, item, tuple(methods), doubt, why)
        for row, name, item, methods, doubt, why in zip(
            *(table.column(column).to_pylist() for column in names), strict=True
        )
    )
    return Judged(flags, detector.plain.items)


def background_of(detector: Detector, *parts: Texts) -> Background:
    """A sample of the source that these rows make, in an order that mixes them."""
    rows = [text for part in parts for text in part]
    order = np.random.default_rng(1).permutation(len(rows))
    return Precision.sample(detector, pa.array(rows, pa.large_string()).take(pa.array(order)))
