"""Which rows go: matches, less what people ruled a false alarm, under a policy and behind a retention guard."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.errors import BadConfig, Refused
from curation.engine.records import REMOVED

CONTAMINATED, FALSE_ALARM = "contaminated", "false alarm"
MOST_TOLD = 20


class Policy(StrEnum):
    """`drop` removes every row with a match that nobody ruled a false alarm; `ruled` only what was ruled so."""

    DROP = "drop"
    RULED = "ruled"


@dataclass(frozen=True, slots=True)
class ApplyConfig:
    """`max_removed` is the retention guard: the share of rows that may go without somebody saying so."""

    policy: str = Policy.DROP
    max_removed: float = 0.5

    def __post_init__(self) -> None:
        if self.policy not in set(Policy):
            raise BadConfig(f"There is no policy {self.policy!r}; choose one of {', '.join(Policy)}.")
        if not 0 < self.max_removed <= 1:
            raise BadConfig("The share of rows that may be removed must be above 0 and at most 1.")


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to go, and how the matches were counted on the way there."""

    removed: pa.Table
    matches: int
    suppressed: int
    false_alarms: int
    unruled_kept: int
    by_benchmark: dict[str, int]


@dataclass(slots=True)
class Case:
    """What speaks against one row: how many matches, the best of them, the first few, and in which benchmarks."""

    matches: int = 0
    best: Mapping[str, Any] | None = None
    told: list[dict[str, Any]] = field(default_factory=list)
    benchmarks: set[str] = field(default_factory=set)

    def add(self, match: Mapping[str, Any]) -> None:
        self.matches += 1
        self.benchmarks.add(match["benchmark"])
        if self.best is None or match["score"] > self.best["score"]:
            self.best = match
        if len(self.told) < MOST_TOLD:
            self.told.append({key: match[key] for key in ("seq", "benchmark", "item_id", "method", "score")})

    def row(self, record_id: str) -> dict[str, str]:
        assert self.best
        said = reason([self.best[name] for name in ("benchmark", "item_id", "method")], self.matches)
        return {"record_id": record_id, "reason": said, "evidence": orjson.dumps(self.told).decode()}


def reason(best: Sequence[str], matches: int) -> str:
    """Why a row goes: benchmark, item and method of its best match, and how many there are."""
    benchmark, item, method = best
    others = f" and {matches - 1:,} more" if matches > 1 else ""
    return f"{method} match with {benchmark} item {item}{others}"


def decide(
    matches: Iterable[Mapping[str, Any]], rulings: Mapping[tuple[str, str], str], config: ApplyConfig
) -> Decision:
    """
    `rulings` maps (row fingerprint, item fingerprint) to a verdict. One removed row per record, in id order, with at
    most 20 of its matches as evidence; all of them are in the matches version. What a person ruled contaminated
    counts, suppressed or not.
    """
    cases: dict[str, Case] = {}
    counts = Counter[str]()
    for match in matches:
        verdict = rulings.get((match["row_fingerprint"], match["item_fingerprint"]))
        if verdict == FALSE_ALARM:
            counts["false_alarms"] += 1
        elif match["suppressed"] and verdict != CONTAMINATED:
            counts["suppressed"] += 1
        elif verdict == CONTAMINATED or config.policy == Policy.DROP:
            cases.setdefault(match["record_id"], Case()).add(match)
        else:
            counts["unruled_kept"] += 1
    hit = Counter(name for case in cases.values() for name in case.benchmarks)
    return Decision(
        removed=pa.Table.from_pylist([cases[key].row(key) for key in sorted(cases)], REMOVED),
        matches=counts.total() + sum(case.matches for case in cases.values()),
        suppressed=counts["suppressed"],
        false_alarms=counts["false_alarms"],
        unruled_kept=counts["unruled_kept"],
        by_benchmark=dict(sorted(hit.items())),
    )


def guard(removed: int, rows: int, config: ApplyConfig) -> None:
    """Refuse to remove more than was agreed to."""
    if rows and removed / rows > config.max_removed:
        raise Refused(
            f"This would remove {removed:,} of {rows:,} rows ({removed / rows:.1%}), more than the "
            f"{config.max_removed:.0%} that may go. Review the matches, or allow it with --max-removed."
        )


def split(batch: pa.RecordBatch, removed: pa.Table) -> tuple[pa.RecordBatch, pa.Table]:
    """The rows of a batch that stay, and what is to be said of those that go, in the batch's order."""
    position = pc.index_in(batch.column("id"), value_set=removed.column("record_id").combine_chunks())
    gone = np.flatnonzero(pc.is_valid(position).to_numpy(zero_copy_only=False))
    kept = batch.filter(pc.is_null(position))
    return kept, removed.take(position.take(pa.array(gone)))
