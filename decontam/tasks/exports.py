"""Scan the published files of an export: what leaves the house is looked at as it leaves."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation import jobs
from curation.delivery import files_of
from curation.engine.configs import load
from curation.engine.errors import BadInput, Refused
from curation.engine.exporters import profile_named
from curation.engine.store import Shard
from curation.engine.units import Texts, Unit
from curation.engine.units import turns as turns_of
from curation.gates import EXPORTED, Lineage
from curation.models import Check, Export, Kind, Part, Run, Version
from decontam.engine.apply import CONTAMINATED, FALSE_ALARM
from decontam.engine.background import Background
from decontam.engine.detecting import Profile
from decontam.engine.exported import messages, text_key
from decontam.engine.precision import Precision
from decontam.engine.scan import ScanConfig
from decontam.models import Pair, Ruling
from decontam.questions.rules import acquitted, newest_scans
from decontam.tasks.scanning import some_texts
from decontam.tasks.tables import Benchmarks, index_for, items_of, judging

SAID = pa.schema([pa.field(name, pa.string()) for name in ("text", "item", "verdict")])


@dataclass(frozen=True, slots=True)
class ExportScanConfig:
    """`scan` is a `ScanConfig`; only its user turns are looked at, by the plain rule unless it says otherwise."""

    export: int
    scan: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _ = self.settings

    @property
    def settings(self) -> ScanConfig:
        return load(ScanConfig, self.scan)


def start_export_scan(export: Export, *, user: Any = None) -> Run:
    """The files of a published export against the newest version of every benchmark of its project."""
    if export.status != Export.Status.PUBLISHED:
        raise Refused(f"{export} was withdrawn; its files are served to nobody.")
    project = export.mixture.project
    newest = Version.objects.newest().filter(dataset__project=project, dataset__kind=Kind.BENCHMARK)
    benchmarks = list(newest.select_related("dataset").order_by("dataset__name"))
    if not benchmarks:
        raise BadInput(f"Project {project} has no benchmark to compare {export} with; register one first.")
    inputs = {"exported": export.version, "benchmarks": benchmarks}
    config, name = ExportScanConfig(export.pk, asdict(ScanConfig())), export.mixture.name
    return jobs.start(SCAN_EXPORT, project=project, config=config, inputs=inputs, subject=name, user=user)


def rule_on(part: Part) -> dict[str, Any]:
    """
    What people and rules say of the texts that were exported, once for all files: nobody who rules in the meantime has
    two of them judged differently.
    """
    run, exported, done = part.run, part.run.input("exported"), 0
    condemned = Ruling.objects.pairs(run.project, CONTAMINATED)
    scans = newest_scans(run.project, most=None, datasets=_went_into(exported))
    total = 2 * (exported.rows + sum(scan.summary["matches"] for scan in scans))

    def progress(rows: int) -> None:
        nonlocal done
        part.progress(done := done + rows, total)

    cleared = Ruling.objects.pairs(run.project, FALSE_ALARM) | acquitted(scans, progress)
    said = {FALSE_ALARM: cleared - condemned, CONTAMINATED: condemned}
    batches = (
        pa.RecordBatch.from_pylist(
            [{"text": text, "item": item, "verdict": verdict} for text, item in pairs], SAID
        )
        for verdict, ruled in said.items()
        for pairs in _pairs(exported, ruled, progress)
    )
    return asdict(part.write("tmp/said", SAID, batches))


def _went_into(exported: Version) -> set[str]:
    """The datasets whose rows are in a mixture, through what was applied to them and mixtures of mixtures."""
    return {one.dataset.name for one in [exported, *Lineage([exported]).ancestors(exported)]}


def data_files(run: Run) -> Iterator[dict[str, Any]]:
    """One part per published file with rows."""
    export = Export.objects.get(pk=run.config["export"])
    return (
        {"path": file.path, "profile": file.profile, "rows": file.rows}
        for file in files_of(export)
        if file.profile
    )


def match_file(part: Part) -> dict[str, Any]:
    """
    Which items one file has, and in how many of its rows; what people ruled a false alarm does not count, and what they
    ruled contaminated does, whatever the judgement says.
    """
    spec, config = part.spec, part.config(ExportScanConfig).settings
    export = Export.objects.get(pk=part.run.config["export"])
    looked_for = index_for(part.run.inputs_of("benchmarks"), config)
    judge = _precision(part.run, looked_for, config) if config.profile != Profile.PLAIN else None
    said = _said(part)
    cleared, condemned = said[FALSE_ALARM], said[CONTAMINATED]
    asked = profile_named(spec["profile"]).asked
    rows, counts = 0, Counter[str]()
    items: dict[str, set[int]] = {}
    with part.store.open(f"{export.folder}/{spec['path']}") as file:
        for turns in messages(file, spec["path"], asked):
            unit = turns_of(turns, Unit.USER)
            for benchmark, item in _found(looked_for, judge, unit, cleared, condemned):
                items.setdefault(benchmark, set()).add(item)
                counts[benchmark] += 1
            part.progress(rows := rows + len(turns), spec["rows"])
    found = {name: {"items": sorted(numbers), "matches": counts[name]} for name, numbers in items.items()}
    return {"path": spec["path"], "rows": rows, "hit": found}


def _said(part: Part) -> dict[str, set[Pair]]:
    """The pairs of a text and an item that were ruled on, by their verdict."""
    (shard,) = part.run.results(0)
    said: dict[str, set[Pair]] = {FALSE_ALARM: set(), CONTAMINATED: set()}
    for batch in part.store.batches([Shard(**shard)]):
        for text, item, verdict in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            said[verdict].add((text, item))
    return said


def _precision(run: Run, looked_for: Benchmarks, config: ScanConfig) -> Precision:
    """By the words of the mixture that was exported."""
    exported, detector = run.input("exported"), looked_for.detector
    return judging(
        looked_for,
        config.thresholds,
        exported.content_hash,
        lambda: (Precision.sample(detector, some_texts(exported, Unit.USER)), Background()),
    )


def _found(
    looked_for: Benchmarks, judge: Precision | None, unit: Texts, cleared: set[Pair], condemned: set[Pair]
) -> Iterator[tuple[str, int]]:
    found = looked_for.detector.scan(unit.text)
    reasons = judge.judge(found, unit.text).column("suppressed").to_pylist() if judge else [""] * len(found)
    columns = (found.column(name).to_pylist() for name in ("row", "benchmark", "item"))
    for row, name, item, reason in zip(*columns, reasons, strict=True):
        pair = (text_key(unit.text[row].as_py()), looked_for.items[name].fingerprints[item])
        if pair in condemned or not (reason or pair in cleared):
            yield looked_for.items[name].benchmark, item


def _pairs(exported: Version, ruled: Iterable[Pair], progress: Callable[[int], None]) -> Iterator[list[Pair]]:
    """Pairs of a row and an item as pairs of a text and an item, batch by batch: files have no fingerprints."""
    items: dict[str, list[str]] = {}
    for row, item in ruled:
        items.setdefault(row, []).append(item)
    known = pa.array(list(items), pa.string())
    for batch in exported.batches(["fingerprint", "messages"]) if items else ():
        progress(batch.num_rows)
        some = batch.filter(pc.is_in(batch.column("fingerprint"), value_set=known))
        unit = turns_of(some.column("messages"), Unit.USER)
        fingerprints = some.column("fingerprint").to_pylist()
        texts = zip(np.asarray(unit.row).tolist(), unit.text.to_pylist(), strict=True)
        yield [(text_key(text), item) for row, text in texts for item in items[fingerprints[row]]]


def judge_export(run: Run) -> None:
    """The verdict on the files, which their download waits for."""
    export, files = Export.objects.get(pk=run.config["export"]), run.results(1)
    benchmarks = {version.dataset.name: version for version in run.inputs_of("benchmarks")}
    lines = [
        {
            "benchmark": name,
            "version": str(version),
            "items": len(items_of(version)[name]),
            "items_hit": len({item for file in files for item in file["hit"].get(name, {}).get("items", ())}),
            "matches": sum(file["hit"].get(name, {}).get("matches", 0) for file in files),
        }
        for name, version in benchmarks.items()
    ]
    hit = [line for line in lines if line["matches"]]
    wrong = [file["path"] for file in files if file["hit"]]
    rows = sum(file["rows"] for file in files)
    run.summary = {
        "export": str(export),
        "files": len(files),
        "rows": rows,
        "lines": lines,
        "files_hit": wrong,
    }
    found = (
        ", ".join(f"{line['items_hit']:,} items of {line['version']}" for line in hit[:3])
        or "no benchmark item"
    )
    check = Check.objects.record(
        export.version,
        EXPORTED,
        passed=not hit,
        run=run,
        against=benchmarks.values(),
        summary=f"{export}: {rows:,} rows in {len(files):,} files have {found}"[:300],
        detail=run.summary | {"export": export.pk, "manifest_hash": export.manifest_hash},
    )
    run.summary |= {"check": check.status}


SCAN_EXPORT = jobs.register(
    jobs.Job(
        "scan-export",
        (jobs.Stage("rulings", rule_on), jobs.Stage("match", match_file, data_files)),
        finish=judge_export,
    )
)
