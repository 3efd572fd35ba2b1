"""What becomes of rows: matches, less what people ruled a false alarm, under a policy and a retention guard."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.errors import BadConfig, Refused
from curation.engine.records import REMOVED
from decontam.engine.actions import (
    BY_SEVERITY,
    LITERAL,
    SEVERITY,
    UNSEEN,
    Action,
    Struck,
    roles_of,
    struck_by,
)
from decontam.engine.cutting import CUTS, cut_rows
from decontam.engine.report import CONTAMINATED_ABOVE, only_meaning

CONTAMINATED, FALSE_ALARM = "contaminated", "false alarm"
MOST_TOLD = 20
Children = Callable[[Collection[str]], Mapping[str, str]]
DECIDED = pa.schema([*REMOVED, pa.field("action", pa.string()), pa.field("cuts", CUTS)])


class Policy(StrEnum):
    """`drop` removes every row with a match that nobody ruled a false alarm; `ruled` only what was ruled so."""

    DROP = "drop"
    RULED = "ruled"


@dataclass(frozen=True, slots=True)
class ApplyConfig:
    """
    `policy` says which matches count, `dev` and `unseen` what becomes of rows that match such benchmarks.

    `max_removed` is the retention guard: the share of rows that may go without somebody saying so. Where more than
    `source_above` of the items of a held-out benchmark are hit, the source should go whole; `allow_source` is the
    reason of whoever keeps the rest of it all the same. What only meaning found stays until a person rules it
    contaminated, unless `meaning` says that it counts like the rest.
    """

    policy: str = Policy.DROP
    max_removed: float = 0.5
    dev: str = Action.DROP
    unseen: str = Action.DROP
    source_above: float = CONTAMINATED_ABOVE
    allow_source: str = ""
    meaning: bool = False

    def __post_init__(self) -> None:
        if self.policy not in set(Policy):
            raise BadConfig(f"There is no policy {self.policy!r}; choose one of {', '.join(Policy)}.")
        for action in (self.dev, self.unseen):
            if action not in set(Action):
                raise BadConfig(f"Rows cannot be {action!r}; choose one of {', '.join(Action)}.")
        if not 0 < self.max_removed <= 1:
            raise BadConfig("The share of rows that may be removed must be above 0 and at most 1.")
        if not 0 <= self.source_above <= 1:
            raise BadConfig("The share of items above which a source goes whole must be from 0 to 1.")

    def action(self, role: str) -> str:
        """A benchmark without a role is treated like one of development."""
        return self.unseen if role == UNSEEN else self.dev


@dataclass(frozen=True, slots=True)
class Decision:
    """`decided` has one row of `DECIDED` per record that counts; the rest says how the matches were counted."""

    decided: pa.Table
    matches: int
    suppressed: int
    false_alarms: int
    unruled_kept: int
    meaning_kept: int
    struck: list[Struck]
    by_benchmark: dict[str, int]
    tainted: int

    @property
    def removed(self) -> pa.Table:
        """What leaves the version, into quarantine or for good."""
        leaves = pc.not_equal(self.decided.column("action"), Action.CUT)
        return self.decided.filter(leaves).select(REMOVED.names)

    def many(self, action: str) -> int:
        return int(pc.sum(pc.equal(self.decided.column("action"), action)).as_py() or 0)


@dataclass(slots=True)
class Case:
    """What speaks against one row: how many matches, the best of them, the first few, and in which benchmarks."""

    matches: int = 0
    severity: int = 0
    best: Mapping[str, Any] | None = None
    told: list[dict[str, Any]] = field(default_factory=list)
    benchmarks: set[str] = field(default_factory=set)
    cuts: list[dict[str, int]] = field(default_factory=list)
    parent: str = ""

    def add(self, match: Mapping[str, Any], action: str) -> None:
        self.matches += 1
        self.benchmarks.add(match["benchmark"])
        if self.best is None or match["score"] > self.best["score"]:
            self.best = match
        if len(self.told) < MOST_TOLD:
            self.told.append({key: match[key] for key in ("seq", "benchmark", "item_id", "method", "score")})
        if action == Action.CUT and match["method"] not in LITERAL:
            action = Action.DROP  # its spans are not words that both sides share
        elif action == Action.CUT:
            self.cuts += [{"turn": match["turn"], **span} for span in match["train_spans"]]
        self.severity = max(self.severity, SEVERITY[Action(action)])

    def taint(self, parent: str) -> None:
        """It was made from a row that is removed."""
        self.parent, self.severity = parent, SEVERITY[Action.DROP]

    @property
    def action(self) -> Action:
        return BY_SEVERITY[self.severity]

    def row(self, record_id: str) -> dict[str, Any]:
        best = [self.best[name] for name in ("benchmark", "item_id", "method")] if self.best else []
        said = reason(best, self.matches, self.severity) if best else made_from(self.parent)
        told = {"record_id": record_id, "reason": said, "evidence": orjson.dumps(self.told).decode()}
        return told | {"action": self.action, "cuts": self.cuts if self.action == Action.CUT else []}


def reason(best: Sequence[str], matches: int, severity: int) -> str:
    """Why a row goes: benchmark, item and method of its best match, and how many there are."""
    benchmark, item, method = best
    others = f" and {matches - 1:,} more" if matches > 1 else ""
    where_to = "quarantined: " if BY_SEVERITY[severity] == Action.QUARANTINE else ""
    return f"{where_to}{method} match with {benchmark} item {item}{others}"


def made_from(parent: str) -> str:
    return f"made from the removed row {parent}"


def decide(
    matches: Iterable[Mapping[str, Any]],
    rulings: Mapping[tuple[str, str], str],
    config: ApplyConfig,
    lines: Sequence[Mapping[str, Any]] = (),
    children: Children = lambda _removed: {},
) -> Decision:
    """
    `rulings` maps (row fingerprint, item fingerprint) to a verdict; `lines` are the scan's, with role and items of
    each benchmark; `children(ids)` are the rows that were made from removed ones, each with its parent. One decided
    row per record, in id order, with at most 20 of its matches as evidence; all are in the matches version. What a
    person ruled contaminated counts, suppressed or not.
    """
    cases: dict[str, Case] = {}
    counts = Counter[str]()
    roles, hit = roles_of(lines), set[tuple[str, str]]()
    for match in matches:
        verdict = rulings.get((match["row_fingerprint"], match["item_fingerprint"]))
        if fate := _stays(match, verdict, config):
            counts[fate] += 1
        else:
            action = config.action(roles.get(match["benchmark"], ""))
            cases.setdefault(match["record_id"], Case()).add(match, action)
            hit.add((match["benchmark"], match["item_id"]))
    tainted = children([key for key, case in cases.items() if case.action != Action.CUT])
    for record_id, parent in tainted.items():
        cases.setdefault(record_id, Case()).taint(parent)
    rows = Counter(name for case in cases.values() for name in case.benchmarks)
    leaving = [case for case in cases.values() if case.action != Action.CUT]
    return Decision(
        decided=pa.Table.from_pylist([cases[key].row(key) for key in sorted(cases)], DECIDED),
        matches=counts.total() + sum(case.matches for case in cases.values()),
        suppressed=counts["suppressed"],
        false_alarms=counts["false_alarms"],
        unruled_kept=counts["unruled_kept"],
        meaning_kept=counts["meaning_kept"],
        struck=struck_by(lines, rows, Counter(name for name, _ in hit), config.action),
        by_benchmark=dict(sorted(Counter(name for case in leaving for name in case.benchmarks).items())),
        tainted=len(tainted),
    )


def _stays(match: Mapping[str, Any], verdict: str | None, config: ApplyConfig) -> str:
    """As what a match is counted that nothing goes for; empty when it counts. `preview` says the same to DuckDB."""
    if verdict == FALSE_ALARM:
        return "false_alarms"
    if verdict == CONTAMINATED:
        return ""
    if match["suppressed"]:
        return "suppressed"
    if only_meaning(match["found_by"]) and not config.meaning:
        return "meaning_kept"
    return "" if config.policy == Policy.DROP else "unruled_kept"


def guard(removed: int, rows: int, config: ApplyConfig) -> None:
    """Refuse to remove more than was agreed to."""
    if rows and removed / rows > config.max_removed:
        raise Refused(
            f"This would remove {removed:,} of {rows:,} rows ({removed / rows:.1%}), more than the "
            f"{100 * config.max_removed:g}% that may go. Review the matches, or allow it with --max-removed."
        )


@dataclass(frozen=True, slots=True)
class Split:
    """One batch: what stays (cut rows are in their place), what goes into quarantine, what is said of what left."""

    kept: pa.RecordBatch
    quarantined: pa.RecordBatch
    removed: pa.Table
    cut: int
    emptied: int


def split(batch: pa.RecordBatch, decided: pa.Table) -> Split:
    """Each part is in the batch's order. A row of which cutting would leave nothing goes."""
    position = pc.index_in(batch.column("id"), value_set=decided.column("record_id").combine_chunks())
    said = decided.take(position)
    action = pc.fill_null(said.column("action"), "").combine_chunks()
    stays = pc.is_in(action, value_set=pa.array(["", Action.CUT]))
    kept = batch.filter(stays)
    cuts = pc.equal(action, Action.CUT)
    told = said.filter(cuts).to_pylist()
    at = np.flatnonzero(cuts.filter(stays).to_numpy(zero_copy_only=False))
    kept, emptied = cut_rows(kept, at, told)
    empty = {told[k]["record_id"]: f"{told[k]['reason']}; cutting it would leave nothing" for k in emptied}
    return Split(
        kept=kept,
        quarantined=batch.filter(pc.equal(action, Action.QUARANTINE)),
        removed=_said_of(said, stays, empty),
        cut=len(told) - len(emptied),
        emptied=len(emptied),
    )


def _said_of(said: pa.Table, stays: pa.Array, emptied: Mapping[str, str]) -> pa.Table:
    """The rows of `REMOVED` for what left."""
    left = pc.invert(stays)
    if emptied:
        left = pc.or_(
            left, pc.is_in(said.column("record_id"), value_set=pa.array(list(emptied))).combine_chunks()
        )
    rows = said.filter(left).select(REMOVED.names)
    if emptied:
        reasons = [emptied.get(row["record_id"], row["reason"]) for row in rows.to_pylist()]
        rows = rows.set_column(1, REMOVED.field("reason"), pa.array(reasons, pa.string()))
    return rows.cast(REMOVED)
