"""
What becomes of the rows that count, by the role of the benchmark they match, and of the source they lie in.

Tülu 3 (arXiv 2411.15124 §3.2) removes rows for benchmarks of development, and whole sets for held-out benchmarks of
which more than 2 % of the items are hit.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

UNSEEN = "unseen"
LITERAL = ("exact", "ngram", "normalised")  # methods whose spans are the words that both sides share


class Action(StrEnum):
    """In order of severity: what a row matches several benchmarks for is dealt with by the strictest."""

    CUT = "cut"
    QUARANTINE = "quarantine"
    DROP = "drop"


SEVERITY = {action: place for place, action in enumerate(Action, 1)}
BY_SEVERITY = dict(enumerate(Action, 1))


@dataclass(frozen=True, slots=True)
class Struck:
    """One benchmark under a policy: `rows` that match it count, and `items_hit` of its `items` are in them."""

    benchmark: str
    role: str
    action: str
    items: int
    items_hit: int
    rows: int

    @property
    def share(self) -> float:
        return self.items_hit / self.items if self.items else 0.0

    def condemns(self, above: float) -> bool:
        """Held out, and hit so often that the source should go whole."""
        return self.role == UNSEEN and self.share > above

    @property
    def said(self) -> str:
        return f"{self.items_hit:,} of {self.items:,} items of {self.benchmark} ({self.share:.1%})"


def struck_by(
    lines: Iterable[Mapping[str, Any]], rows: Mapping[str, int], items: Mapping[str, int], action: Any
) -> list[Struck]:
    """`lines` are those of the scan; `rows` and `items` count by benchmark; `action(role)` says what is done."""
    known = {line["benchmark"]: line for line in lines}
    return [
        Struck(
            benchmark=name,
            role=known.get(name, {}).get("role", ""),
            action=action(known.get(name, {}).get("role", "")),
            items=known.get(name, {}).get("items", 0),
            items_hit=items.get(name, 0),
            rows=rows.get(name, 0),
        )
        for name in sorted({*known, *rows})
    ]


def roles_of(lines: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {line["benchmark"]: line.get("role", "") for line in lines}
