"""What is asked of a scan that has run."""

from dataclasses import dataclass
from itertools import chain, groupby
from typing import Any

from curation.engine.errors import BadInput
from curation.engine.store import Shard
from curation.models import Project, Run, Version, store
from decontam.engine.numbered import Kept

_manifests, _scans = Kept(256, 0), Kept(64, 0)


def scan_run(project: Project, pk: int) -> Run:
    """A finished scan of this project; BadInput when there is none of that number."""
    run = Run.objects.filter(project=project, kind="scan", pk=pk).first()
    if run is None:
        raise BadInput(f"There is no scan {pk} in project {project}; `manage.py runs` lists them.")
    return finished(run)


def finished(scan: Run) -> Run:
    """The scan itself; BadInput unless it is through."""
    if scan.status != Run.Status.DONE:
        raise BadInput(
            f"Scan {scan.pk} is {scan.status}; its matches can be ruled on and applied when it is done."
        )
    return scan


def causes(scan: Run, benchmark: str = "") -> list[dict[str, Any]]:
    """Matches that were found for the same reason, as groups, the largest first."""
    rows = (row for batch in output(scan, "causes").batches() for row in batch.to_pylist())
    wanted = [row for row in rows if benchmark in ("", row["benchmark"])]
    return sorted(wanted, key=lambda row: (-row["matches"], row["group"]))


def output(scan: Run, role: str) -> Version:
    """A version that a scan made. BadInput when it was purged, or when the scan is older than such versions."""
    if role not in (made := _known(scan).made):
        raise BadInput(f"Scan {scan.pk} has no {role}; scan again to review its matches.")
    return _unpurged(made[role])


def inputs(scan: Run, role: str) -> list[Version]:
    """The versions of a role that a scan read. BadInput when one was purged since."""
    return [_unpurged(version) for version in _known(scan).read[role]]


def shards(version: Version) -> tuple[Shard, ...]:
    """Those of a version that is not purged, kept by process: manifests never change."""
    key = store().full(version.manifest_path)
    if (found := _manifests.get(key)) is None:
        found = _manifests.put(key, version.shards())
    return found  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Known:
    """The versions of a scan, by role."""

    made: dict[str, Version]
    read: dict[str, list[Version]]

    @property
    def pks(self) -> list[int]:
        return [version.pk for version in chain(self.made.values(), *self.read.values())]


def _known(scan: Run) -> Known:
    """
    Kept by process, since a finished scan gets no other versions; but once in the life of an instance of the scan,
    which is that of a request, it is asked whether one was purged.
    """
    if (known := vars(scan).get("known")) is None:
        key = store().root, scan.pk
        known = _scans.get(key)
        if known is None or Version.objects.filter(pk__in=known.pks, purged__isnull=False).exists():
            known = _versions_of(scan)
            if scan.over:
                _scans.put(key, known)
        vars(scan)["known"] = known
    return known


def _versions_of(scan: Run) -> Known:
    edges = scan.run_inputs.select_related("version__dataset").order_by("role", "position")
    by_role = groupby(edges, key=lambda edge: edge.role)
    return Known(
        {version.role: version for version in scan.outputs.select_related("dataset")},
        {role: [edge.version for edge in some] for role, some in by_role},
    )


def _unpurged(version: Version) -> Version:
    if version.purged:
        version.manifest()  # says why there is none
    return version
