"""What is asked of a scan that has run."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.errors import BadInput
from curation.models import Project, Run


def scan_run(project: Project, pk: int) -> Run:
    """A finished scan of this project; BadInput when there is none of that number."""
    run = Run.objects.filter(project=project, kind="scan", pk=pk).first()
    if run is None:
        raise BadInput(f"There is no scan {pk} in project {project}; `manage.py runs` lists them.")
    if run.status != Run.Status.DONE:
        raise BadInput(f"Scan {pk} is {run.status}; only a finished scan can be ruled on and applied.")
    return run


def matches(
    scan: Run, *, seqs: set[int] | None = None, cause: str = "", benchmark: str = ""
) -> Iterator[dict[str, Any]]:
    """The evidence of a scan, by number, by cause or by benchmark; all of it without a filter."""
    for batch in scan.output("matches").batches():
        if seqs is not None:
            batch = batch.filter(pc.is_in(batch.column("seq"), value_set=pa.array(sorted(seqs), pa.int64())))
        if cause:
            batch = batch.filter(pc.equal(batch.column("cause"), cause))
        if benchmark:
            batch = batch.filter(pc.equal(batch.column("benchmark"), benchmark))
        yield from batch.to_pylist()


def causes(scan: Run, benchmark: str = "") -> list[dict[str, Any]]:
    """Matches that were found for the same reason, as groups, the largest first."""
    columns = ["benchmark", "cause", "phrase", "score", "seq"]
    batches = list(scan.output("matches").batches(columns))
    if not batches:
        return []
    grouped = (
        pa.Table.from_batches(batches)
        .group_by(["benchmark", "cause", "phrase"])
        .aggregate([("seq", "count"), ("seq", "min"), ("score", "min"), ("score", "max")])
        .sort_by([("seq_count", "descending"), ("seq_min", "ascending")])
    )
    names = {"seq_count": "matches", "seq_min": "first_seq", "score_min": "lowest", "score_max": "highest"}
    rows = grouped.rename_columns([names.get(name, name) for name in grouped.column_names]).to_pylist()
    return [row for row in rows if benchmark in ("", row["benchmark"])]
