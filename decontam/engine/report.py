"""
What a scan comes to: per benchmark both denominators and the line above which a source counts as contaminated.

Published tables use two denominators (Tülu 3, arXiv 2411.15124 §3.2 and its tables): the share of the
benchmark's items that are hit, and the share of training rows that hit one. Both are given, always.
"""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

CONTAMINATED_ABOVE = 0.02
METHODS = ("exact", "ngram", "normalised", "near", "semantic")
MEANING = "semantic"
NOT_LOOKED_FOR = {  # by the methods that would
    "exact": "items shorter than an n-gram inside longer text",
    "normalised": "changed numbers and other forms of the same characters",
    "near": "the same sentences in another order",
    "semantic": "paraphrase and translation",
}


@dataclass(frozen=True, slots=True)
class BenchmarkCounts:
    """
    One benchmark in a report. `items` are its questions, `weakly_checked` items are shorter than an n-gram: only
    equality finds them. Matches that do not count are in `matches` and, by reason, in `suppressed`, and in no other
    number. `methods` has matches, items_hit, rows_hit and what it found alone, of each method that found something
    that counts. `close_in_meaning` are matches that only meaning found: they are in `matches` and `methods`, and wait
    for a person.
    """

    benchmark: str
    version: str
    role: str
    content_hash: str
    items: int
    items_hit: int
    rows: int
    rows_hit: int
    matches: int
    weakly_checked: int
    unchecked: int
    methods: dict[str, dict[str, int]] = field(default_factory=dict)
    suppressed: dict[str, int] = field(default_factory=dict)
    close_in_meaning: int = 0

    @property
    def share_of_items(self) -> float:
        return self.items_hit / self.items if self.items else 0.0

    @property
    def share_of_rows(self) -> float:
        return self.rows_hit / self.rows if self.rows else 0.0

    @property
    def over_line(self) -> bool:
        """More than 2 % of the benchmark's items are hit."""
        return self.share_of_items > CONTAMINATED_ABOVE

    def facts(self) -> dict[str, Any]:
        return asdict(self) | {
            "share_of_items": round(self.share_of_items, 6),
            "share_of_rows": round(self.share_of_rows, 6),
            "over_line": self.over_line,
        }


def only_meaning(found_by: Collection[str]) -> bool:
    """A flag for a person, and no evidence by itself."""
    return tuple(found_by) == (MEANING,)


def not_looked_for(methods: Collection[str]) -> list[str]:
    """What a scan by these methods cannot find. `exact` finds short items inside text beside `normalised` only."""
    missing = [said for method, said in NOT_LOOKED_FOR.items() if method != "exact" and method not in methods]
    return missing if "normalised" in methods else [NOT_LOOKED_FOR["exact"], *missing]


def certificate(
    *,
    subject: dict[str, Any],
    scanned: dict[str, Any],
    lines: Iterable[dict[str, Any]],
    config: dict[str, Any],
    methods: Collection[str],
    counts: dict[str, Any],
    recheck: str,
    **made: Any,
) -> dict[str, Any]:
    """
    What can be said of a version, and what cannot, with all that is needed to find it out again. `made` names inputs
    and outputs with their content hashes, matches that were suppressed by reason, and what a person overrode.
    """
    lines = list(lines)
    return {
        "format": "winnow-certificate/1",
        "subject": subject,
        "scanned": scanned,
        "benchmarks": lines,
        "by_method": by_method(lines),
        "methods": list(methods),
        "not_looked_for": not_looked_for(methods),
        "config": config,
        "counts": counts,
        "recheck": recheck,
        **made,
    }


def by_method(lines: Iterable[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Matches and items hit of each method over all benchmarks; a row can match several, so rows are not added up."""
    sums: dict[str, dict[str, int]] = {}
    for line in lines:
        for method, counts in line.get("methods", {}).items():
            held = sums.setdefault(method, {"matches": 0, "items_hit": 0})
            for name in held:
                held[name] += counts.get(name, 0)
    return sums
