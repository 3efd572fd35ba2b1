"""Which matches of a scan are ruled: a ledger per process, which reads what was ruled since it was last asked."""

from collections.abc import Iterator, Mapping
from itertools import islice
from threading import Lock
from typing import Any

from curation.engine.store import GROUP_ROWS
from curation.models import Run, store
from decontam.engine.ledger import COLUMNS, Ledger
from decontam.engine.numbered import Kept
from decontam.engine.rules import columns_for
from decontam.models import Act, Opinion, Pair, Ruling
from decontam.questions.rules import standing_for
from decontam.questions.scans import output

_ledgers, _entering = Kept(2, 1 << 30), Lock()


def ledger(scan: Run, *, people: bool = False) -> Ledger:
    """The ledger of a scan, with every act of ruling that is committed by now; with what each person said if asked."""
    matches = output(scan, "matches")
    key = store().full(matches.manifest_path)
    with _entering:
        held: Ledger | None = _ledgers.get(key)
        if held is None:
            newest = Act.objects.newest(scan.project)
            held = Ledger.read(matches.batches(COLUMNS), matches.rows)
            _enter(held, Ruling.objects.filter(project=scan.project))
            held.act = newest
            _ledgers.put(key, held, held.nbytes)
        else:
            _enter_acts(held, scan)
        rules = standing_for(scan)
        if rules != held.rules:
            held.lay_down(rules, matches.batches(columns_for(rules)))
        if people and held.people is None:
            held.people = {}
            _enter_opinions(held, Opinion.objects.filter(project=scan.project))
        return held


def _enter_acts(held: Ledger, scan: Run) -> None:
    """Only what changed: the pairs that small acts list, and what large ones still hold."""
    acts = Act.objects.filter(project=scan.project_id, pk__gt=held.act).order_by("pk")
    listed = list(acts.values_list("pk", "by", "changes"))
    if large := [pk for pk, _, changes in listed if changes is None]:
        _enter(held, Ruling.objects.filter(act__in=large))
        if held.people is not None:
            _enter_opinions(held, Opinion.objects.filter(act__in=large))
    for _, by, changes in listed:
        pairs = [(row, item) for _, row, item, *_ in changes or ()]
        if pairs:
            _enter_pairs(held, pairs, Ruling.objects.on(scan.project_id, pairs))
        if pairs and held.people is not None:
            _enter_pairs(held, pairs, Opinion.objects.on(scan.project_id, pairs, by), by)
    held.act = max([held.act, *(pk for pk, _, _ in listed)])


def _enter_pairs(held: Ledger, pairs: list[Pair], now: Mapping[Pair, Any], by: int | None = None) -> None:
    verdicts = [now[pair].verdict if pair in now else "" for pair in pairs]
    held.enter([row for row, _ in pairs], [item for _, item in pairs], verdicts, by)


def _enter_opinions(held: Ledger, opinions: Any) -> None:
    for by in opinions.values_list("by", flat=True).distinct():
        _enter(held, opinions.filter(by=by), by)


def _enter(held: Ledger, rulings: Any, by: int | None = None) -> None:
    for rows, items, verdicts in verdict_columns(rulings):
        held.enter(rows, items, verdicts, by)


def verdict_columns(rulings: Any) -> Iterator[list[list[str]]]:
    """Row fingerprints, item fingerprints and verdicts, some at a time."""
    lines = rulings.values_list("row_fingerprint", "item_fingerprint", "verdict").iterator(GROUP_ROWS)
    while some := list(islice(lines, GROUP_ROWS)):
        yield [list(column) for column in zip(*some, strict=True)]
