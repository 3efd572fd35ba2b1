"""Which matches of a scan are ruled: a ledger per process, which reads what was ruled since it was last asked."""

from collections.abc import Iterator
from itertools import islice
from threading import Lock
from typing import Any

from curation.engine.store import GROUP_ROWS
from curation.models import Run, store
from decontam.engine.ledger import COLUMNS, Ledger
from decontam.engine.numbered import Kept
from decontam.models import Act, Ruling
from decontam.questions.scans import output

_ledgers, _entering = Kept(2, 1 << 30), Lock()


def ledger(scan: Run) -> Ledger:
    """The ledger of a scan, with every act of ruling that is committed by now."""
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
        return held


def _enter_acts(held: Ledger, scan: Run) -> None:
    """Only what changed: the pairs that small acts list, and what large ones still hold."""
    acts = Act.objects.filter(project=scan.project_id, pk__gt=held.act).order_by("pk")
    listed = dict(acts.values_list("pk", "changes"))
    if large := [pk for pk, changes in listed.items() if changes is None]:
        _enter(held, Ruling.objects.filter(act__in=large))
    for changes in filter(None, listed.values()):
        pairs = [(row, item) for _, row, item, _ in changes]
        now = Ruling.objects.on(scan.project_id, pairs)
        verdicts = [now[pair].verdict if pair in now else "" for pair in pairs]
        held.enter([row for row, _ in pairs], [item for _, item in pairs], verdicts)
    held.act = max([held.act, *listed])


def _enter(held: Ledger, rulings: Any) -> None:
    for rows, items, verdicts in verdict_columns(rulings):
        held.enter(rows, items, verdicts)


def verdict_columns(rulings: Any) -> Iterator[list[list[str]]]:
    """Row fingerprints, item fingerprints and verdicts, some at a time."""
    lines = rulings.values_list("row_fingerprint", "item_fingerprint", "verdict").iterator(GROUP_ROWS)
    while some := list(islice(lines, GROUP_ROWS)):
        yield [list(column) for column in zip(*some, strict=True)]
