"""A few rows to show of a mixture, none of which may be a benchmark's."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.cards import showable
from curation.engine.exporters import Exporter
from curation.gates import Lineage, standing
from curation.models import DECONTAMINATION, Check, Kind, Version

LOOKED_AT = 300  # rows of a mixture, whose order is that of a hash: any beginning is a sample
CANDIDATES = 8
SHOWN = 2

Row = dict[str, Any]


def sample_rows(version: Version, exporters: Mapping[str, Exporter]) -> dict[str, tuple[Row, ...]]:
    """
    By profile a few short rows as it carries them. None at all unless every row was compared with the newest
    benchmarks, and none that a scan found anything in, whatever became of it.
    """
    if not _compared(version):
        return {}
    rows = list(_beginning(version))
    candidates = {name: list(islice(_short(rows, one), CANDIDATES)) for name, one in exporters.items()}
    found = _matched(version, {one for some in candidates.values() for ids, _ in some for one in ids})
    return {
        name: tuple(row for ids, row in some if not ids & found)[:SHOWN] for name, some in candidates.items()
    }


def _compared(version: Version) -> bool:
    """Whether the mixture, or each version that gave it rows, has verdicts that are not stale."""
    checks = [told for told in standing(version, version.dataset.project) if told[1] == DECONTAMINATION]
    fresh = {one.pk: bool(all_of) and not any(_stale(check) for check in all_of) for one, _, all_of in checks}
    leaves = set(Lineage([version]).leaves(version))
    return fresh.get(version.pk, False) or (bool(leaves) and all(fresh.get(leaf.pk) for leaf in leaves))


def _stale(check: Check) -> bool:
    return check.status == Check.Status.STALE


def _beginning(version: Version) -> Iterator[pa.RecordBatch]:
    """The first rows, one by one: a row may be large."""
    left = LOOKED_AT
    for batch in version.batches():
        yield from (batch.slice(row, 1) for row in range(min(left, batch.num_rows)))
        left -= batch.num_rows
        if left <= 0:
            return


def _short(rows: Iterable[pa.RecordBatch], exporter: Exporter) -> Iterator[tuple[set[str], Row]]:
    """Each row that may be shown, with its id and those of the rows that it was made of."""
    for row in rows:
        (carried, _) = exporter.to_batch(row)
        identity = row.column("id")[0].as_py()
        for made in carried.to_pylist():
            if showable(made):
                yield {identity, *row.column("parents")[0].as_py()}, made | {"id": identity}


def _matched(version: Version, ids: set[str]) -> set[str]:
    """Which of the rows some scan of the mixture or of what it was made of found anything in, counted or not."""
    whole = [version, *Lineage([version]).ancestors(version)]
    scans = {"run__run_inputs__role": "training", "run__run_inputs__version__in": whole}
    wanted = pa.array(sorted(ids), pa.string())
    found: set[str] = set()
    for matches in Version.objects.live().filter(dataset__kind=Kind.MATCHES, **scans).distinct():
        for batch in matches.batches(["record_id"]):
            column = batch.column("record_id")
            found.update(column.filter(pc.is_in(column, value_set=wanted)).to_pylist())
    return found
