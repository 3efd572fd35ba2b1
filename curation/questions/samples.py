"""A few rows to show of a mixture, none of which may be a benchmark's."""

import re
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
SHORTEST, LONGEST = 3, 40  # words of an item: fewer are no quotation, and more a scan finds

Row = dict[str, Any]


def sample_rows(version: Version, exporters: Mapping[str, Exporter]) -> dict[str, tuple[Row, ...]]:
    """
    By profile a few short rows as it carries them. None at all unless every row was compared with the newest
    benchmarks; none that a scan found anything in, whatever became of it; and none that quotes an item too short for a
    scan to tell from ordinary words.
    """
    compared = _compared(version)
    if not compared:
        return {}
    rows = list(_beginning(version))
    candidates = {name: list(islice(_short(rows, one), CANDIDATES)) for name, one in exporters.items()}
    found = _matched(version, {one for some in candidates.values() for ids, _ in some for one in ids})
    found |= _quoting(compared, [one for some in candidates.values() for one in some])
    return {
        name: tuple(row for ids, row in some if not ids & found)[:SHOWN] for name, some in candidates.items()
    }


def _compared(version: Version) -> list[Version]:
    """The benchmarks that all of its rows were compared with; empty where a verdict is missing or stale."""
    checks = [told for told in standing(version, version.dataset.project) if told[1] == DECONTAMINATION]
    fresh = {one.pk: all_of for one, _, all_of in checks if all_of and not any(map(_stale, all_of))}
    leaves = list(dict.fromkeys(Lineage([version]).leaves(version)))
    if version.pk not in fresh and not (leaves and all(leaf.pk in fresh for leaf in leaves)):
        return []
    every = (one for all_of in fresh.values() for check in all_of for one in check.against.all())
    return [one for one in dict.fromkeys(every) if not one.purged]


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


def _quoting(benchmarks: Iterable[Version], candidates: Iterable[tuple[set[str], Row]]) -> set[str]:
    """The rows that hold a whole item of a benchmark, word for word."""
    spans: dict[str, set[str]] = {}
    for ids, row in candidates:
        for text in _texts(row):
            for span in _spans(text):
                spans.setdefault(span, set()).update(ids)
    found: set[str] = set()
    for benchmark in benchmarks:
        for batch in benchmark.batches(["messages"]):
            turns = batch.column("messages").flatten()
            asked = turns.field("content").filter(pc.equal(turns.field("role"), "user"))
            for item in asked.drop_null().to_pylist():
                found |= spans.get(" ".join(_words(item)), set())
    return found


def _texts(value: Any) -> Iterator[str]:
    """Every text in a row, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _spans(text: str) -> Iterator[str]:
    """Every run of so many words."""
    words = _words(text)
    for start in range(len(words)):
        for end in range(start + SHORTEST, min(start + LONGEST, len(words)) + 1):
            yield " ".join(words[start:end])
