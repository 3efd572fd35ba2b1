"""What a scan found, as a file that other tools read."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import orjson
import pyarrow as pa

from curation.models import Run
from decontam.engine import decon
from decontam.engine.apply import CONTAMINATED, FALSE_ALARM
from decontam.models import Pair, Ruling
from decontam.questions.rules import evidence, standing_for
from decontam.questions.scans import inputs, output

FORMATS = ("decon",)
PAIR = ("row_fingerprint", "item_fingerprint")


def decon_report(scan: Run, *, everything: bool = False) -> Iterator[bytes]:
    """
    One JSON object a line for each match that counts; with `everything`, also for what is suppressed or ruled a false
    alarm. The database is asked at once: who reads the lines may be another thread.
    """
    matches = evidence(scan, decon.COLUMNS, standing_for(scan)) if output(scan, "matches").rows else iter(())
    if not everything:
        rulings = {
            verdict: Ruling.objects.pairs(scan.project, verdict) for verdict in (CONTAMINATED, FALSE_ALARM)
        }
        matches = map(
            partial(_counting, convicted=rulings[CONTAMINATED], cleared=rulings[FALSE_ALARM]), matches
        )
    (training,) = inputs(scan, "training")
    known = {
        version.dataset.name: decon.items(version.batches(["id", "meta"]))
        for version in inputs(scan, "benchmarks")
    }
    rows = decon.places(training.batches(["id", "meta"]))
    return _lines(decon.report(matches, rows, known, str(training)))


def _counting(batch: pa.RecordBatch, convicted: set[Pair], cleared: set[Pair]) -> pa.RecordBatch:
    pairs = zip(*(batch.column(name).to_pylist() for name in PAIR), strict=True)
    whys = batch.column("suppressed").to_pylist()
    counts = [
        pair in convicted or (not why and pair not in cleared) for pair, why in zip(pairs, whys, strict=True)
    ]
    return batch.filter(pa.array(counts, pa.bool_()))


def _lines(report: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    for line in report:
        yield orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
