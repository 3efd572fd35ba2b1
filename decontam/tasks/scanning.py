"""Scan a version against benchmarks: match shard by shard, then sort, number and count the evidence."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from curation import jobs
from curation.engine.errors import BadConfig, BadInput
from curation.engine.store import SHARD_ROWS, Shard
from curation.engine.units import Unit, joined, texts
from curation.models import DECONTAMINATION, Check, Dataset, Kind, Part, Run, Version
from decontam.engine import BenchmarkIndex, NgramConfig
from decontam.engine.carrying import Places, unlike
from decontam.engine.evidence import CAUSES, MATCHES, Counts, Evidence, Items, SortedEvidence
from decontam.engine.report import BenchmarkCounts, certificate
from decontam.models import Ruling
from decontam.questions.certificates import made_by
from decontam.questions.taint import children_in
from decontam.tasks.earlier import compared, earlier, known, new_items, taken_over

COLUMNS = ["id", "fingerprint", "messages.list.element.role", "messages.list.element.content"]


@dataclass(frozen=True, slots=True)
class ScanConfig:
    """The plain rule over a unit of match; `n` and `threshold` as in `NgramConfig`."""

    n: int = 8
    threshold: float = 0.5
    unit: str = Unit.USER

    def __post_init__(self) -> None:
        _ = self.ngram
        if self.unit not in set(Unit):
            raise BadConfig(f"There is no unit of match {self.unit!r}; choose one of {', '.join(Unit)}.")

    @property
    def ngram(self) -> NgramConfig:
        return NgramConfig(n=self.n, threshold=self.threshold)


@dataclass(frozen=True, slots=True)
class Benchmarks:
    index: BenchmarkIndex
    items: dict[str, Items]


def start_scan(training: Version, benchmarks: list[Version], config: ScanConfig, *, user: Any = None) -> Run:
    """Compare a version of records with benchmarks; both sides must be what they are taken for."""
    require_scannable(training, benchmarks)
    inputs = {"training": training, "benchmarks": benchmarks}
    project, name = training.dataset.project, training.dataset.name
    return jobs.start(SCAN, project=project, config=config, inputs=inputs, subject=name, user=user)


def require_scannable(training: Version, benchmarks: list[Version]) -> None:
    for version, kinds in (
        (training, (Kind.RECORDS, Kind.MIXTURE, Kind.BENCHMARK)),
        *((b, (Kind.BENCHMARK,)) for b in benchmarks),
    ):
        if version.kind not in kinds:
            raise BadInput(f"{version} holds {version.kind.label}, not {kinds[0].label}.")
    if len({version.dataset_id for version in benchmarks}) < len(benchmarks):
        raise BadInput("A benchmark is given twice: scan against one version of each.")
    if training.dataset_id in {version.dataset_id for version in benchmarks}:
        raise BadInput(f"{training} would be compared with itself; name other benchmarks.")
    project = training.dataset.project
    for kind in (Kind.MATCHES, Kind.CAUSES):
        Dataset.objects.require_free(project, f"{training.dataset.name}-{kind.value}", kind)


def items_of(version: Version) -> Items:
    batches = list(version.batches(COLUMNS))
    if not sum(batch.num_rows for batch in batches):
        raise BadInput(f"{version} has no items")
    table = pa.Table.from_batches(batches)
    text = pa.chunked_array([joined(batch.column("messages")) for batch in batches])
    ids, fingerprints = (table.column(name).to_pylist() for name in ("id", "fingerprint"))
    return Items(ids, fingerprints, text.combine_chunks())


def _benchmarks(
    versions: list[Version], config: NgramConfig, before: list[Version] | None = None
) -> Benchmarks:
    """Kept per process by contents: every part of a scan needs the same index. Without the items of `before`."""
    key = [
        [(version.dataset.name, version.content_hash) for version in some]
        for some in (versions, before or [])
    ]
    held = str(key), config
    if held not in _kept:
        _kept.clear()
        _kept[held] = _built(versions, config, before or [])
    return _kept[held]


_kept: dict[Any, Benchmarks] = {}


def index_for(versions: list[Version], config: ScanConfig) -> Benchmarks:
    """What a scan with this config looks for."""
    return _benchmarks(versions, config.ngram)


def _built(versions: list[Version], config: NgramConfig, before: list[Version]) -> Benchmarks:
    items, of_before = {version.dataset.name: items_of(version) for version in versions}, known(before)
    items = {
        name: _without(found, of_before[name]) if name in of_before else found
        for name, found in items.items()
    }
    index = BenchmarkIndex.build({name: found.texts for name, found in items.items() if len(found)}, config)
    return Benchmarks(index, items)


def _without(items: Items, before: Places) -> Items:
    new = unlike(items.fingerprints, before)
    ids, fingerprints = (pa.array(some).filter(new).to_pylist() for some in (items.ids, items.fingerprints))
    return Items(ids, fingerprints, items.texts.filter(new))


def unmatched_shards(run: Run) -> Any:
    """All of the training version, unless an earlier scan has compared it with every item."""
    return [] if earlier(run) and not new_items(run) else shard_specs("training")(run)


def shard_specs(role: str) -> Any:
    """One part per shard of an input."""
    return lambda run: ({"shard": asdict(shard)} for shard in run.input(role).shards())


def match(part: Part) -> dict[str, Any]:
    """Compare one shard with the benchmarks."""
    config, shard = part.config(ScanConfig), Shard(**part.spec["shard"])
    looked_for = _benchmarks(part.run.inputs_of("benchmarks"), config.ngram, compared(part.run))
    evidence, read = Evidence(looked_for.items), Counter[str]()

    def found() -> Iterator[pa.RecordBatch]:
        for batch in part.store.batches([shard], COLUMNS):
            unit = texts(batch.column("messages"), Unit(config.unit))
            yield from evidence.batches(looked_for.index.scan(unit.text), unit, batch)
            read.update(rows=batch.num_rows, skipped=batch.num_rows - len(np.unique(unit.row)))
            part.progress(read["rows"], shard.rows)

    return {"shard": asdict(part.write("tmp/matches", MATCHES, found())), **read}


def settle(part: Part) -> dict[str, Any]:
    """Sort and number all evidence, group and count it, publish it."""
    run, results = part.run, part.run.results(part.stage - 1)
    read, skipped = (sum(result.get(name, 0) for result in results) for name in ("rows", "skipped"))
    if before := earlier(run):
        read, skipped = (before.facts[name] for name in ("rows_read", "rows_skipped"))
    if read == skipped:
        unit = part.config(ScanConfig).unit
        raise BadInput(
            f"None of the {read:,} rows of {run.input('training')} has a {unit} turn; nothing was scanned"
        )
    new = part.store.batches([Shard(**result["shard"]) for result in results])
    found = SortedEvidence(chain(new, taken_over(run)))
    shards = [part.write("matches", MATCHES, [b], i) for i, b in enumerate(found.batches(SHARD_ROWS))]
    causes = [part.write("causes", CAUSES, [b], i) for i, b in enumerate(found.causes(SHARD_ROWS))]
    lines = _lines(part, found.counts())
    facts = {
        "matches": sum(shard.rows for shard in shards),
        "benchmark_items_hit": sum(line["items_hit"] for line in lines),
        "training_rows_hit": found.rows_hit(),
        "rows_read": read,
        "rows_skipped": skipped,
        "rows_tainted": len(children_in(run.input("training"))([])),
        "suppressed": found.suppressed(),
        "lines": lines,
    }
    found.close()
    name = run.input("training").dataset.name
    part.publish("matches", f"{name}-matches", Kind.MATCHES, MATCHES, shards, facts=facts)
    part.publish("causes", f"{name}-causes", Kind.CAUSES, CAUSES, causes)
    return facts


def _lines(part: Part, counts: dict[str, Counts]) -> list[dict[str, Any]]:
    versions = part.run.inputs_of("benchmarks")
    index = _benchmarks(versions, part.config(ScanConfig).ngram).index
    lines = []
    for version in versions:
        name, source = version.dataset.name, version.dataset.source
        line = BenchmarkCounts(
            benchmark=name,
            version=str(version),
            role=source.benchmark_role if source else "",
            content_hash=version.content_hash,
            items=version.rows,
            rows=part.run.input("training").rows,
            weakly_checked=len(index.weakly_checked[name]),
            unchecked=len(index.unchecked[name]),
            **asdict(counts.get(name, Counts())),
        )
        lines.append(line.facts())
    return lines


def judge_scan(run: Run) -> None:
    """
    A scanned version is clean when nothing was found in it but what people ruled a false alarm. What benchmarks have in
    common is told without a verdict: they are never mixed.
    """
    matches, training = run.output("matches"), run.input("training")
    run.summary = matches.facts
    if training.kind == Kind.BENCHMARK:
        return
    facts, rows = matches.facts, _rows_that_count(matches)
    tainted = facts["rows_tainted"]
    made = f"; {tainted:,} rows were made from removed ones" if tainted else ""
    hit = sum(1 for line in facts["lines"] if line["items_hit"])
    cleared = (
        f", {facts['training_rows_hit'] - rows:,} of them cleared"
        if rows < facts["training_rows_hit"]
        else ""
    )
    Check.objects.record(
        training,
        kind_of_check(run.config),
        passed=not (rows or tainted),
        run=run,
        against=run.inputs_of("benchmarks"),
        summary=f"{facts['training_rows_hit']:,} rows match {hit} benchmarks{cleared}{made}",
        detail=certificate(
            subject=identity(training),
            scanned=identity(training),
            lines=facts["lines"],
            config=run.config,
            counts={
                "matches": facts["matches"],
                "rows_that_count": rows,
                "rows_tainted": tainted,
                "rows_removed": 0,
            },
            recheck=recheck(training, facts["lines"], run.config),
            **made_by(run, facts),
        ),
    )


def _rows_that_count(matches: Version) -> int:
    """Rows with a match that nobody ruled a false alarm."""
    cleared = Ruling.objects.false_alarms(matches.dataset.project)
    if not cleared:
        return int(matches.facts["training_rows_hit"])
    rows: set[str] = set()
    for batch in matches.batches(["record_id", "row_fingerprint", "item_fingerprint"]):
        for record_id, *pair in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            if tuple(pair) not in cleared:
                rows.add(record_id)
    return len(rows)


def kind_of_check(config: dict[str, Any]) -> str:
    """A scan that sees less than the plain rule over user turns is no decontamination check."""
    plain = ScanConfig()
    weaker = config["n"] > plain.n or config["threshold"] > plain.threshold or config["unit"] != plain.unit
    return f"weaker {DECONTAMINATION}" if weaker else DECONTAMINATION


def identity(version: Version) -> dict[str, Any]:
    return {"version": str(version), "content_hash": version.content_hash, "rows": version.rows}


def recheck(version: Version, lines: list[dict[str, Any]], config: dict[str, Any]) -> str:
    """The command that finds out again."""
    against = " ".join(line["version"] for line in lines)
    settings = f"--n {config['n']} --threshold {config['threshold']} --unit {config['unit']}"
    project = f"--project {version.dataset.project}"
    return f"python manage.py scan {version} {project} {settings} --against {against}"


SCAN = jobs.register(
    jobs.Job(
        "scan",
        (jobs.Stage("match", match, unmatched_shards), jobs.Stage("settle", settle)),
        finish=judge_scan,
    )
)
