"""What all scans of a project come to: for every scanned dataset and benchmark the newest counts, as one table."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any

from curation.models import DECONTAMINATION, Check, Kind, Project, Run, RunInput, Version
from decontam.engine.report import CONTAMINATED_ABOVE

MOST_SCANS = 1000


@dataclass(frozen=True, slots=True)
class Cell:
    """One dataset against one benchmark, as the newest scan of the two has it. `outdated` says what changed since."""

    scan: int
    training: Version
    line: dict[str, Any]
    outdated: str = ""
    same_rows: bool = True  # only a benchmark changed

    @property
    def heat(self) -> float:
        """0 to 1 at the line above which a dataset counts as contaminated: the root, so that small shares show."""
        return min(1.0, sqrt(self.line["share_of_items"] / CONTAMINATED_ABOVE))

    @property
    def over(self) -> bool:
        return bool(self.line["over_line"])

    @property
    def advice(self) -> str:
        """What the role of the benchmark asks for."""
        whole = self.line["role"] == "unseen"
        return "drop the source, or override it with a reason" if whole else "drop the matching rows"


@dataclass(frozen=True, slots=True)
class Certified:
    """One dataset against one benchmark, where it was not scanned itself but made by applying a scan."""

    certificate: int
    status: str
    said: str


@dataclass(frozen=True, slots=True)
class Overlap:
    """For each of `benchmarks` the rows have what is known of the two; None where they were never compared."""

    benchmarks: list[Version]
    rows: list[tuple[Version, list[Cell | Certified | None]]]
    among: list[tuple[Version, list[Cell | None]]]  # benchmarks that were compared with one another

    @property
    def cells(self) -> list[Cell]:
        return [cell for _, cells in self.rows for cell in cells if isinstance(cell, Cell)]

    @property
    def over(self) -> list[Cell]:
        worst = (cell for cell in self.cells if cell.over)
        return sorted(worst, key=lambda cell: -cell.line["share_of_items"])

    @property
    def unscanned(self) -> int:
        return sum(1 for _, cells in self.rows for cell in cells if cell is None)


def overlap(project: Project) -> Overlap:
    """Every dataset that was scanned or waits to be × every benchmark, in a constant number of queries."""
    newest = _newest(project)
    found = _certified(newest) | _compared(project, newest)
    benchmarks = [version for version in newest.values() if version.kind == Kind.BENCHMARK]
    scanned = {dataset for dataset, _ in found}
    records = [v for v in newest.values() if v.kind == Kind.RECORDS or v.dataset_id in scanned]
    rows = [
        (version, [found.get((version.dataset_id, benchmark.dataset_id)) for benchmark in benchmarks])
        for version in records
        if version.kind != Kind.BENCHMARK
    ]
    return Overlap(benchmarks, rows, _among(benchmarks, found))


def _among(
    benchmarks: list[Version], found: dict[tuple[int, int], Cell | Certified]
) -> list[tuple[Version, list[Cell | None]]]:
    rows: list[tuple[Version, list[Cell | None]]] = []
    for version in benchmarks:
        cells = [found.get((version.dataset_id, other.dataset_id)) for other in benchmarks]
        if any(cells):
            rows.append((version, [cell if isinstance(cell, Cell) else None for cell in cells]))
    return rows


def _newest(project: Project) -> dict[int, Version]:
    kinds = (Kind.RECORDS, Kind.MIXTURE, Kind.BENCHMARK)
    live = Version.objects.live().filter(dataset__project=project, dataset__kind__in=kinds)
    ordered = live.select_related("dataset__project", "dataset__source").order_by("dataset__name", "number")
    return {version.dataset_id: version for version in ordered}


def _compared(project: Project, newest: dict[int, Version]) -> dict[tuple[int, int], Cell | Certified]:
    """The newest comparison of each pair of datasets."""
    names = {version.dataset.name: version for version in newest.values()}
    found: dict[tuple[int, int], Cell | Certified] = {}
    for scan, training in _scans(project):
        for line in scan.summary.get("lines", ()):
            benchmark = names.get(line["benchmark"])
            if benchmark is None or training.dataset_id not in newest:
                continue
            because = _outdated(training, newest[training.dataset_id], line, benchmark)
            same = training.pk == newest[training.dataset_id].pk
            cell = Cell(scan.pk, training, line, because, same)
            found.setdefault((training.dataset_id, benchmark.dataset_id), cell)
    return found


def _certified(newest: dict[int, Version]) -> dict[tuple[int, int], Cell | Certified]:
    """The standing checks of the newest versions; what a version was made without needs no scan of its own."""
    checks = Check.objects.filter(version__in=newest.values(), kind=DECONTAMINATION, run__kind="apply")
    return {
        (check.version.dataset_id, other.dataset_id): Certified(check.pk, check.status, check.summary)
        for check in checks.select_related("version").prefetch_related("against").order_by("pk")
        for other in check.against.all()
    }


def _scans(project: Project) -> Iterator[tuple[Run, Version]]:
    done = Run.objects.filter(project=project, kind="scan", status=Run.Status.DONE).order_by("-pk")
    edges = RunInput.objects.filter(run__in=done[:MOST_SCANS].values("pk"), role="training")
    for edge in edges.select_related("run", "version__dataset__project").order_by("-run"):
        yield edge.run, edge.version


def _outdated(training: Version, newest: Version, line: dict[str, Any], benchmark: Version) -> str:
    if training.pk != newest.pk:
        return f"scanned as {training}, and there is {newest} now"
    if line["version"] != str(benchmark) and line["content_hash"] != benchmark.content_hash:
        return f"compared with {line['version']}, and there is {benchmark} now"
    return ""
