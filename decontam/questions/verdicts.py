"""What models said of the matches of a scan: counts by run, and of each match the newest verdict of each model."""

from dataclasses import dataclass
from typing import Any

from curation.models import Kind, Run, Version, store
from decontam.engine.numbered import Kept
from decontam.engine.verdicts import Verdict

NEWEST = 20

_rows = Kept(2 * NEWEST, 64 << 20)


@dataclass(frozen=True, slots=True)
class Asked:
    """A run that asked a model, and how many matches got each verdict, in the order of `Verdict`."""

    run: Run
    version: Version | None
    counts: list[tuple[str, int]]


def asked(scan: Run) -> list[Asked]:
    """The runs that asked a model about this scan, the newest first."""
    edges = {"run_inputs__role": "evidence", "run_inputs__version__run": scan}
    runs = Run.objects.filter(kind="judge", **edges).select_related("project", "user")
    found = list(runs.order_by("-pk")[:NEWEST])
    made = {version.run_id: version for version in _versions(scan)}
    return [Asked(run, made.get(run.pk), _counts(run)) for run in found]


def _counts(run: Run) -> list[tuple[str, int]]:
    counted = run.summary.get("verdicts", {})
    return [(verdict.value, counted.get(verdict, 0)) for verdict in Verdict]


def everything(scan: Run) -> list[dict[str, Any]]:
    """Every verdict that counts, by number of match and model: the newest of each model on each match."""
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for version in reversed(_versions(scan)):
        for row in _read(version).values():
            found[row["seq"], row["model"]] = row
    return [found[key] for key in sorted(found)]


def on_match(scan: Run, seq: int) -> list[dict[str, Any]]:
    """What models said of one match, each once, the newest first."""
    found: dict[str, dict[str, Any]] = {}
    for version in _versions(scan):
        if row := _read(version).get(seq):
            found.setdefault(row["model"], row)
    return list(found.values())


def _versions(scan: Run) -> list[Version]:
    """The newest first; those that were purged say nothing any more."""
    edges = {"run__run_inputs__role": "evidence", "run__run_inputs__version__run": scan}
    live = Version.objects.live().filter(dataset__kind=Kind.VERDICTS, **edges)
    return list(live.select_related("dataset__project").order_by("-pk")[:NEWEST])


def _read(version: Version) -> dict[int, dict[str, Any]]:
    """The rows of a version by number of match, kept by process: versions never change."""
    key = store().full(version.manifest_path)
    if (rows := _rows.get(key)) is None:
        rows = {row["seq"]: row for batch in version.batches() for row in batch.to_pylist()}
        _rows.put(key, rows, 4 * version.bytes + 1_000 * version.rows)
    return rows  # type: ignore[no-any-return]
