"""
Why a row is here, or gone: one walk over version edges and parents.

A row is followed by its id through the versions that were made of each other, from its source to the exports;
where it stops, the removed rows of that run say why.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.engine.errors import BadInput
from curation.engine.store import Shard
from curation.gates import ROWS_COME_FROM
from curation.models import Dataset, Export, Kind, Project, Run, Version, store


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a row: in which run, and what is to be said of it."""

    what: str
    run: int
    version: str
    detail: dict[str, Any]
    present: bool = False  # the row is in that version

    @property
    def dataset(self) -> str:
        return self.version.partition("@")[0]

    @property
    def number(self) -> str:
        return self.version.partition("@")[2]


ROWS = (Kind.RECORDS, Kind.MIXTURE, Kind.BENCHMARK)


def story(project: Project, dataset: str, record_id: str) -> list[Step]:
    """The steps of a record, oldest first. BadInput when no version of the dataset or its kin has it."""
    start = Dataset.objects.filter(project=project, name=dataset.partition("@")[0]).first()
    if start is None:
        raise BadInput(f"There is no dataset {dataset} in project {project}.")
    family = _family(start)
    holding = [
        one.pk for one in family if not one.purged and one.kind in ROWS and find_row(one, record_id, ["id"])
    ]
    parents = list(_parents(family, record_id))
    steps: list[Step] = []
    for version in family:
        upstream = not holding or version.pk < holding[0]
        ids = [record_id, *parents] if upstream else [record_id]
        steps += _purged(version) if version.purged else _steps(version, ids)
    steps += _rulings(family, [record_id, *parents])
    if not any(step.detail for step in steps):
        raise BadInput(f"No version of {dataset} or of what it was made from has a row {record_id}.")
    return steps + list(_exports(steps, family))


def _family(dataset: Dataset) -> list[Version]:
    """Versions that rows of the dataset came from or went into, and what was made beside them, oldest first."""
    found = set(dataset.versions.values_list("pk", flat=True))
    edge = found
    while edge:
        into = Run.objects.filter(run_inputs__version__in=edge, run_inputs__role__in=ROWS_COME_FROM)
        made = Version.objects.filter(run__in=into).values_list("pk", flat=True)
        runs = Run.objects.filter(outputs__in=edge)
        used = Version.objects.filter(run_inputs__run__in=runs, run_inputs__role__in=ROWS_COME_FROM)
        beside = Version.objects.filter(run__in=runs).values_list("pk", flat=True)
        edge = (set(made) | set(used.values_list("pk", flat=True)) | set(beside)) - found
        found |= edge
    versions = Version.objects.filter(pk__in=found).select_related("dataset", "run")
    return list(versions.order_by("pk"))


def find_row(version: Version, record_id: str, columns: list[str] | None = None) -> dict[str, Any] | None:
    """The row of that id, by the bloom filters of the version's shards; None when it is not there."""
    return store().find(version.shards(), record_id, columns)


def _parents(family: list[Version], record_id: str) -> Iterator[str]:
    """Ids of the rows that a row was made of, at any distance."""
    versions = [version for version in family if version.kind in ROWS and not version.purged]
    waiting, seen = [record_id], {record_id}
    while waiting:
        current = waiting.pop()
        rows = [row for version in versions if (row := find_row(version, current, ["parents"]))]
        for parent in rows[0]["parents"] if rows else ():
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
                yield parent


def _steps(version: Version, ids: list[str]) -> Iterator[Step]:
    tell = {Kind.REMOVED: _removals, Kind.MATCHES: _matches}.get(version.kind, _presence)
    for record_id in ids:
        yield from tell(version, record_id)


def _purged(version: Version) -> list[Step]:
    reason = (version.tombstone or {}).get("reason")
    return [Step(f"purged: {reason}", version.run_id, str(version), {})]


def _rulings(family: list[Version], ids: list[str]) -> Iterator[Step]:
    """What people said of the pairs that the row was matched in, as it was frozen when a scan was applied."""
    live = [version for version in family if not version.purged]
    pairs = {
        (row["row_fingerprint"], row["item_fingerprint"])
        for version in live
        if version.kind == Kind.MATCHES
        for record_id in ids
        for row in _about(version, record_id)
    }
    for version in (one for one in live if pairs and one.kind == Kind.RULINGS):
        for batch in version.batches():
            for row in batch.to_pylist():
                if (row["row_fingerprint"], row["item_fingerprint"]) in pairs:
                    reason = f": {row['reason']}" if row["reason"] else ""
                    said = f"ruled {row['verdict']} by {row['by']}{reason}"
                    yield Step(said, version.run_id, str(version), {"at": row["at"]})


def _presence(version: Version, record_id: str) -> Iterator[Step]:
    if version.kind not in ROWS:
        return
    if row := find_row(version, record_id):
        detail = {"record_id": record_id} | _origin(version, row)
        yield Step(_said(version.run, row), version.run_id, str(version), detail, present=True)
    elif version.kind == Kind.MIXTURE:
        yield from _not_sampled(version, record_id)


def _removals(version: Version, record_id: str) -> Iterator[Step]:
    for row in _about(version, record_id):
        evidence = orjson.loads(row["evidence"])
        yield Step(f"removed: {row['reason']}", version.run_id, str(version), {"evidence": evidence})


def _matches(version: Version, record_id: str) -> Iterator[Step]:
    for row in _about(version, record_id):
        said = f"matches {row['benchmark']} item {row['item_id']} ({row['method']}, {row['score']:.2f})"
        yield Step(said, version.run_id, str(version), {"seq": row["seq"]})


def _said(run: Run, row: dict[str, Any]) -> str:
    if run.kind == "import":
        return f"imported from {dict(row['meta']).get('origin')} of {row['source']}"
    if run.kind == "apply":
        return "kept when the scan was applied"
    if run.kind == "mix":
        return f"chosen for the mixture {run.subject}"
    return f"in the output of {run}"


def _origin(version: Version, row: dict[str, Any]) -> dict[str, Any]:
    """Of an imported row, the place in its file, the source, and which revision of it was read."""
    if version.run.kind != "import":
        return {}
    revision = str(version.facts.get("revision") or "")
    return {"source": row["source"], "origin": dict(row["meta"]).get("origin"), "revision": revision}


def _not_sampled(version: Version, record_id: str) -> Iterator[Step]:
    """A row of a component that the sampling passed over; one that was left out is told by the removed rows."""
    removed = version.run.outputs.filter(role="removed", purged=None).first()
    if removed and any(_about(removed, record_id)):
        return
    edges = (
        version.run.run_inputs.filter(role="components")
        .select_related("version__dataset")
        .order_by("position")
    )
    for component in (edge.version for edge in edges):
        if not component.purged and find_row(component, record_id, ["id"]):
            said = f"not sampled from {component} for the mixture {version.run.subject}"
            yield Step(said, version.run_id, str(version), {"record_id": record_id})


def _about(version: Version, record_id: str) -> Iterator[dict[str, Any]]:
    for batch in version.batches():
        yield from batch.filter(pc.equal(batch.column("record_id"), record_id)).to_pylist()


def _exports(steps: list[Step], family: list[Version]) -> Iterator[Step]:
    """The exports of the mixtures that have the row, and in which of their profiles it is."""
    present = {step.version: step.detail["record_id"] for step in steps if step.present}
    mixtures = {
        one.pk: present[str(one)] for one in family if one.kind == Kind.MIXTURE and str(one) in present
    }
    exports = Export.objects.filter(version__in=mixtures).select_related("mixture", "version__dataset", "run")
    for export in exports:
        profiles = [
            name for name in export.profiles if _in_profile(export, name, mixtures[export.version_id])
        ]
        said = f"in {export} as {', '.join(profiles)}" if profiles else f"skipped by the profiles of {export}"
        of = {"mixture": export.mixture.name, "export": export.number}
        detail = {"profiles": profiles, "commit": export.commit} | of
        yield Step(f"{said} ({export.status})", export.run_id, str(export.version), detail)


def _in_profile(export: Export, profile: str, record_id: str) -> bool:
    """By the Parquet files of a profile; one without ids, or with JSON lines only, is taken to have every row."""
    files = [file for file in export.run.summary["files"] if file["profile"] == profile]
    parquet = [file for file in files if file["path"].endswith(".parquet")]
    shards = [
        Shard(f"{export.folder}/{file['path']}", file["rows"], file["bytes"], file["sha256"])
        for file in parquet
    ]
    if not shards or "id" not in _columns(shards[0]):
        return True
    return store().find(shards, record_id, ["id"]) is not None


def _columns(shard: Shard) -> list[str]:
    with store().open(shard.path) as file:
        names: list[str] = pq.read_schema(file).names
    return names
