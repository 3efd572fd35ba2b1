"""What the rules of a project come to: which hold for a scan, what they clear there, and what a new one would."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.core.cache import cache

from curation.models import Project, Run, Version, store
from decontam.engine.apply import CONTAMINATED, FALSE_ALARM
from decontam.engine.evidence import MATCHES
from decontam.engine.preview import VERDICTS
from decontam.engine.rules import RuleConfig, Standing, columns_for, convictions, speaks, spoken, under
from decontam.models import Pair, Rule, Ruling
from decontam.questions.scans import output

PAIR = ["row_fingerprint", "item_fingerprint"]
NEWEST = 10


def standing_for(scan: Run) -> list[Standing]:
    """
    The rules that hold for a scan, in the order of their numbers; asked once in the life of an instance of the scan,
    which is that of a request.
    """
    if "standing" not in vars(scan):
        held = Rule.objects.holding(scan.project, scan.subject)
        vars(scan)["standing"] = [rule.standing() for rule in held]
    return list(vars(scan)["standing"])


def under_rules(scan: Run, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Some matches with `suppressed` as the rules that hold have it."""
    rules = standing_for(scan)
    if not rules or not rows:
        return rows
    schema = pa.schema([MATCHES.field(name) for name in _with(["suppressed"], rules)])
    batch = pa.RecordBatch.from_pylist([{name: row[name] for name in schema.names} for row in rows], schema)
    (now,) = under([batch], rules)
    told = now.column("suppressed").to_pylist()
    return [row | {"suppressed": reason} for row, reason in zip(rows, told, strict=True)]


def evidence(scan: Run, columns: list[str], rules: Sequence[Standing]) -> Iterator[pa.RecordBatch]:
    """Some columns, `suppressed` among them, of all matches of a scan under rules."""
    found = output(scan, "matches").batches(_with(columns, rules))
    return (batch.select(columns) for batch in under(found, rules))


def convicted(scan: Run, rules: Sequence[Standing]) -> pa.RecordBatch:
    """Of which pairs a rule says that they are contaminated, where no person said anything, as `VERDICTS`."""
    found = convictions(partial(output(scan, "matches").batches, _with(PAIR, rules)), rules)
    if found:
        for pair in Ruling.objects.filter(project=scan.project).values_list(*PAIR).iterator():
            found.pop(pair, None)
    columns = [[row for row, _ in found], [item for _, item in found], [CONTAMINATED] * len(found)]
    return pa.record_batch([pa.array(column, pa.string()) for column in columns], schema=VERDICTS)


def thawed(frozen: Version) -> tuple[dict[Pair, str], list[Standing]]:
    """What people ruled of pairs, and the rules, as they were frozen when a scan was applied."""
    said = [row for batch in frozen.batches() for row in batch.to_pylist()]
    rulings = {(row[PAIR[0]], row[PAIR[1]]): row["verdict"] for row in said if row.get("rule") is None}
    return rulings, [Standing.thawed(row) for row in said if row.get("rule") is not None]


def _with(columns: Iterable[str], rules: Iterable[Standing]) -> list[str]:
    return list(dict.fromkeys([*columns, *columns_for(rules)]))


def acquitted(scans: Sequence[Run], progress: Callable[[int], None]) -> set[Pair]:
    """
    The pairs that a rule clears in some scans: not one of their matches counts in any. What a person ruled of them is
    not asked. `progress` is told the rows of each batch that was read.
    """
    cleared: set[Pair] = set()
    for scan in scans:
        if any(rule.config.verdict == FALSE_ALARM for rule in standing_for(scan)):
            cleared.update(*(_pairs(some) for some in _spared(scan, progress)))
    rows = pa.array(sorted({row for row, _ in cleared}), pa.string())
    for scan in scans if cleared else ():
        cleared.difference_update(*(_pairs(some) for some in _counting(scan, rows, progress)))
    return cleared


def _spared(scan: Run, progress: Callable[[int], None]) -> Iterator[pa.RecordBatch]:
    """The matches of which the rule that speaks says that they are a false alarm."""
    rules = standing_for(scan)
    clears = np.array([rule.config.verdict == FALSE_ALARM for rule in rules] + [False])
    for batch in output(scan, "matches").batches(_with(PAIR, rules)):
        progress(batch.num_rows)
        yield batch.filter(pa.array(clears[spoken(batch, rules)]))


def _counting(scan: Run, rows: pa.Array, progress: Callable[[int], None]) -> Iterator[pa.RecordBatch]:
    """The matches of some rows that count."""
    rules = standing_for(scan)
    for batch in under(output(scan, "matches").batches(_with([*PAIR, "suppressed"], rules)), rules):
        progress(batch.num_rows)
        counts = pc.equal(pc.fill_null(batch.column("suppressed"), ""), "")
        yield batch.filter(pc.and_(counts, pc.is_in(batch.column(PAIR[0]), value_set=rows)))


def _pairs(matches: pa.RecordBatch) -> Iterator[Pair]:
    return zip(*(matches.column(name).to_pylist() for name in PAIR), strict=True)


# ---- what a rule clears


def told_of(scan: Run, config: RuleConfig) -> np.ndarray:
    """Positions (number less one) of the matches of a scan of which a rule says something, whoever ruled on them."""
    if config.dataset not in ("", scan.subject):
        return np.empty(0, np.int64)
    batches = output(scan, "matches").batches(columns_for([Standing(0, config)]))
    return np.flatnonzero(np.concatenate([np.empty(0, bool), *(speaks(batch, config) for batch in batches)]))


@dataclass(frozen=True, slots=True)
class Reach:
    """A rule, and of how many matches it speaks in each of the newest scans."""

    rule: Rule
    scans: list[tuple[Run, int]]


def reaches(project: Project, rules: Sequence[Rule]) -> list[Reach]:
    """Rules with what they speak of in the newest scan of each dataset; counted once, since neither ever changes."""
    scans = newest_scans(project)
    return [Reach(rule, [(scan, n) for scan in scans if (n := _many(scan, rule))]) for rule in rules]


def newest_scans(
    project: Project, most: int | None = NEWEST, datasets: Collection[str] | None = None
) -> list[Run]:
    """The newest finished scan of each dataset, or of these; of those that were scanned last, or all without `most`."""
    done = Run.objects.filter(project=project, kind="scan", status=Run.Status.DONE, summary__matches__gt=0)
    if datasets is not None:
        done = done.filter(subject__in=datasets)
    newest: dict[str, Run] = {}
    for scan in done.select_related("project").order_by("-pk")[: most and 10 * most]:
        newest.setdefault(scan.subject, scan)
    found = [scan for scan in newest.values() if scan.outputs.filter(role="matches", purged=None).exists()]
    return found[:most]


def _many(scan: Run, rule: Rule) -> int:
    place = store().full(output(scan, "matches").manifest_path)
    key = f"rule-{sha256(f'{rule.pk} {place}'.encode()).hexdigest()}"
    found: int | None = cache.get(key)
    if found is None:
        found = len(told_of(scan, rule.config))
        cache.set(key, found, timeout=None)
    return found
