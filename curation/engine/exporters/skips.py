"""Rows that a profile cannot carry: counted by reason, with a few ids to look at."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from curation.engine.exporters.turns import Mask

EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Skips:
    """
    How many rows were left out for each reason, and up to five of their ids. A row counts once, for the first
    reason that applies. Skips of batches add up; the ids kept are the smallest, so that the order of adding
    is of no matter.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def __add__(self, other: "Skips") -> "Skips":
        reasons = sorted(self.counts.keys() | other.counts.keys())
        return Skips(
            {reason: self.counts.get(reason, 0) + other.counts.get(reason, 0) for reason in reasons},
            {
                reason: tuple(
                    sorted([*self.examples.get(reason, ()), *other.examples.get(reason, ())])[:EXAMPLES]
                )
                for reason in reasons
            },
        )


class Verdicts:
    """Which rows of a batch are kept; the first reason given against a row is the one that counts."""

    def __init__(self, rows: int) -> None:
        self.keep: Mask = np.ones(rows, bool)
        self._found: dict[str, Mask] = {}

    def skip(self, rows: Mask, reason: str) -> None:
        """Leave these rows out, unless something else was already said against them."""
        found = rows & self.keep
        if found.any():
            self._found[reason] = found | self._found.get(reason, found)
            self.keep = self.keep & ~found

    def skips(self, ids: pa.Array) -> Skips:
        """The count of what was left out; `ids` are the ids of all rows of the batch."""
        made = Skips()
        for reason, rows in self._found.items():
            found = ids.filter(pa.array(rows)).to_pylist()
            made += Skips({reason: len(found)}, {reason: tuple(found)})
        return made
