"""Which rows go: matches, less what people ruled a false alarm, under a policy and behind a retention guard."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.errors import BadConfig, Refused
from curation.engine.records import REMOVED

CONTAMINATED, FALSE_ALARM = "contaminated", "false alarm"


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


def decide(
    matches: Iterable[Mapping[str, Any]], rulings: Mapping[tuple[str, str], str], config: ApplyConfig
) -> Decision:
    """`rulings` maps (row fingerprint, item fingerprint) to a verdict. One removed row per record, in id order."""
    evidence: dict[str, list[Mapping[str, Any]]] = {}
    total = suppressed = false_alarms = unruled_kept = 0
    for match in matches:
        total += 1
        verdict = rulings.get((match["row_fingerprint"], match["item_fingerprint"]))
        if verdict == FALSE_ALARM:
            false_alarms += 1
        elif match["suppressed"]:
            suppressed += 1
        elif verdict == CONTAMINATED or config.policy == Policy.DROP:
            evidence.setdefault(match["record_id"], []).append(match)
        else:
            unruled_kept += 1
    rows = [{"record_id": key, **_because(evidence[key])} for key in sorted(evidence)]
    return Decision(
        removed=pa.Table.from_pylist(rows, REMOVED),
        matches=total,
        suppressed=suppressed,
        false_alarms=false_alarms,
        unruled_kept=unruled_kept,
        by_benchmark=dict(
            sorted(Counter(name for found in evidence.values() for name in _hit(found)).items())
        ),
    )


def _hit(matches: list[Mapping[str, Any]]) -> set[str]:
    return {match["benchmark"] for match in matches}


def _because(matches: list[Mapping[str, Any]]) -> dict[str, str]:
    best = max(matches, key=lambda match: match["score"])
    others = f" and {len(matches) - 1} more" if len(matches) > 1 else ""
    told = [
        {key: match[key] for key in ("seq", "benchmark", "item_id", "method", "score")} for match in matches
    ]
    return {
        "reason": f"{best['method']} match with {best['benchmark']} item {best['item_id']}{others}",
        "evidence": orjson.dumps(told).decode(),
    }


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
