"""Scan a version against benchmarks: match shard by shard, then sort, number and count the evidence."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import chain
from math import ceil
from typing import Any

import numpy as np
import pyarrow as pa

from curation import jobs
from curation.engine.configs import load
from curation.engine.errors import BadConfig, BadInput
from curation.engine.store import SHARD_ROWS, Shard
from curation.engine.units import Unit, texts
from curation.models import Dataset, Kind, Line, Part, Run, Version, store
from decontam.engine.background import LARGEST_SAMPLE, Background
from decontam.engine.background import TABLE as BACKGROUND
from decontam.engine.detecting import Detector, Profile
from decontam.engine.evidence import CAUSES, MATCHES, Counts, Evidence, SortedEvidence
from decontam.engine.precision import Precision
from decontam.engine.report import BenchmarkCounts
from decontam.engine.scan import ScanConfig
from decontam.questions.renewing import undecided
from decontam.questions.taint import children_in
from decontam.tasks.certifying import identity, judge_scan
from decontam.tasks.earlier import compared, earlier, new_items, taken_over
from decontam.tasks.meaning import CALIBRATION, Meaning, calibrate, meaning, require_encoder
from decontam.tasks.tables import IDS, Benchmarks, index_for, judging

ELSEWHERE, MOST_ELSEWHERE, BACKGROUND_OF = "elsewhere", 20, "background"


def start_scan(
    training: Version,
    benchmarks: list[Version],
    config: ScanConfig,
    *,
    background: Version | None = None,
    user: Any = None,
) -> Run:
    """
    Compare a version of records with benchmarks; both sides must be what they are taken for. Meaning is calibrated on
    rows of `background`: the scanned version itself, unless most of that is feared to be contaminated.
    """
    require_scannable(training, benchmarks)
    _require_known(config.thresholds, benchmarks)
    inputs: dict[str, Any] = {"training": training, "benchmarks": benchmarks}
    if config.profile != Profile.PLAIN:
        inputs[ELSEWHERE] = elsewhere(training)
    if background:
        _require_of_use(background, config)
        inputs[BACKGROUND_OF] = background
    project, name = training.dataset.project, training.dataset.name
    require_encoder(project, config.encoder)
    return jobs.start(SCAN, project=project, config=config, inputs=inputs, subject=name, user=user)


def _require_of_use(background: Version, config: ScanConfig) -> None:
    if not config.encoder:
        raise BadConfig(
            f"Only meaning is calibrated on other rows: choose an encoder with {background}, or leave it out."
        )
    if background.kind not in (Kind.RECORDS, Kind.MIXTURE):
        raise BadInput(f"{background} holds {background.kind.label}, no rows to calibrate on.")


def elsewhere(training: Version) -> list[Version]:
    """What is common in other sources of the project, as their newest scans sampled it."""
    project = training.dataset.project
    names = {f"{name}-common" for name in project.sources.values_list("name", flat=True)}
    common = Version.objects.newest().filter(dataset__project=project, dataset__kind=Kind.COMMON)
    others = common.filter(dataset__name__in=names - {f"{training.dataset.name}-common"})
    return list(others.select_related("dataset").order_by("-pk")[:MOST_ELSEWHERE])


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
    for kind in (Kind.MATCHES, Kind.CAUSES, Kind.COMMON):
        Dataset.objects.require_free(project, f"{training.dataset.name}-{kind.value}", kind)


def _require_known(thresholds: Mapping[str, float], benchmarks: list[Version]) -> None:
    names = [version.dataset.name for version in benchmarks]
    if unknown := sorted(set(thresholds) - set(names)):
        raise BadConfig(
            f"There is a threshold for {', '.join(unknown)}, but the scan is against {', '.join(names)} only."
        )


def _benchmarks(part: Part) -> Benchmarks:
    return index_for(part.run.inputs_of("benchmarks"), part.config(ScanConfig), compared(part.run))


def _precision(part: Part, looked_for: Benchmarks) -> Precision:
    """By what is common in the source and in others that were scanned before."""
    (sampled,) = part.run.results(0)
    shard, others = Shard(**sampled["shard"]), part.run.inputs_of(ELSEWHERE)

    def backgrounds() -> tuple[Background, Background]:
        own = Background.read(part.store.batches([shard]))
        return own, sum((Background.read(version.batches()) for version in others), Background())

    key = f"{shard.sha256} {[version.content_hash for version in others]}"
    return judging(looked_for, part.config(ScanConfig).thresholds, key, backgrounds)


def unmatched_shards(run: Run) -> Any:
    """All of the training version, unless an earlier scan has compared it with every item."""
    return [] if _nothing_new(run) else shard_specs("training")(run)


def _nothing_new(run: Run) -> bool:
    return earlier(run) is not None and not new_items(run)


def shard_specs(role: str) -> Any:
    """One part per shard of an input."""
    return lambda run: ({"shard": asdict(shard)} for shard in run.input(role).shards())


def _judged(run: Run) -> list[dict[str, Any]]:
    """The plain rule needs no sample, since nothing of what it finds is judged; neither do matches taken over."""
    judged = run.config.get("profile", Profile.PLAIN) != Profile.PLAIN
    return [{}] if judged and not _nothing_new(run) else []


def sample(part: Part) -> dict[str, Any]:
    """What rows from all over the source say about the words, phrases and meanings of the items."""
    config, looked_for = part.config(ScanConfig), _benchmarks(part)
    rows = some_texts(part.run.input("training"), Unit(config.unit))
    found = Precision.sample(looked_for.detector, rows).table()
    made: dict[str, Any] = {
        "background": found.num_rows,
        "shard": asdict(part.write("tmp/background", BACKGROUND, found.to_batches())),
    }
    if config.encoder:
        others = [some_texts(version, Unit(config.unit)) for version in part.run.inputs_of(BACKGROUND_OF)]
        made[CALIBRATION] = calibrate(part, config.semantic, looked_for.prompts, *(others or [rows]))
    return made


def some_texts(version: Version, unit: Unit) -> Any:
    """The first rows of every shard, as many of each; copied, since a slice would keep its whole batch in memory."""
    shards, some = version.shards(), [pa.array([], pa.string())]
    for shard in shards:
        batch = next(iter(store().batches([shard], IDS + unit.columns)), None)
        if batch is not None:
            found = texts(batch, unit).text
            few = np.arange(min(len(found), ceil(LARGEST_SAMPLE / len(shards))))
            some.append(found.take(pa.array(few)))
    return pa.chunked_array(some, pa.string())


def match(part: Part) -> dict[str, Any]:
    """Compare one shard with the benchmarks, and judge what is found."""
    config, shard, looked_for = part.config(ScanConfig), Shard(**part.spec["shard"]), _benchmarks(part)
    judge = None if config.profile == Profile.PLAIN else _precision(part, looked_for).judge
    close = _meaning(part, config, looked_for)
    detector = looked_for.detector.beside(close) if close else looked_for.detector
    evidence, read = Evidence(looked_for.items), Counter[str]()

    def found() -> Iterator[pa.RecordBatch]:
        for batch in part.store.batches([shard], IDS + Unit(config.unit).columns):
            unit = texts(batch, Unit(config.unit))
            matches = detector.scan(unit.text)
            yield from evidence.batches(judge(matches, unit.text) if judge else matches, unit, batch)
            read.update(rows=batch.num_rows, skipped=batch.num_rows - len(np.unique(unit.row)))
            part.progress(read["rows"], shard.rows)

    written = part.write("tmp/matches", MATCHES, found())
    return {"shard": asdict(written), **read, "failed": close.failed if close else ""}


def _meaning(part: Part, config: ScanConfig, looked_for: Benchmarks) -> Meaning | None:
    if not config.encoder or config.profile == Profile.PLAIN:
        return None
    (sampled,) = part.run.results(0)
    return meaning(part, config.semantic, looked_for.prompts, sampled[CALIBRATION])


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
    found.count_partial(_everything(part).plain.items)
    shards = [part.write("matches", MATCHES, [b], i) for i, b in enumerate(found.batches(SHARD_ROWS))]
    causes = [part.write("causes", CAUSES, [b], i) for i, b in enumerate(found.causes(SHARD_ROWS))]
    lines = _lines(part, found.counts())
    facts = {
        "matches": sum(shard.rows for shard in shards),
        "benchmark_items_hit": sum(line["items_hit"] for line in lines),
        "training_rows_hit": found.rows_hit(),
        "rows_close_in_meaning": found.rows_close(),
        "rows_read": read,
        "rows_skipped": skipped,
        **_looked(part, results),
        ELSEWHERE: [identity(version) for version in run.inputs_of(ELSEWHERE)],
        BACKGROUND_OF: [identity(version) for version in run.inputs_of(BACKGROUND_OF)],
        "rows_tainted": len(children_in(run.input("training"))([])),
        "suppressed": found.suppressed(),
        "lines": lines,
    }
    found.close()
    name = run.input("training").dataset.name
    part.publish("matches", f"{name}-matches", Kind.MATCHES, MATCHES, shards, facts=facts)
    part.publish("causes", f"{name}-causes", Kind.CAUSES, CAUSES, causes)
    _publish_common(part, name)
    return facts


def _publish_common(part: Part, name: str) -> None:
    """What later scans of other sources may know of this one."""
    for sampled in part.run.results(0):
        if "background" in sampled:
            batches = part.store.batches([Shard(**sampled["shard"])])
            shard = part.write("common", BACKGROUND, batches)
            part.publish("common", f"{name}-common", Kind.COMMON, BACKGROUND, [shard])


def _everything(part: Part) -> Detector:
    """With the items too that an earlier scan has compared."""
    return index_for(part.run.inputs_of("benchmarks"), part.config(ScanConfig)).detector


def _looked(part: Part, results: list[Any]) -> dict[str, Any]:
    """Which methods looked, and why one of them did not see everything."""
    methods = list(_everything(part).methods)
    if not part.config(ScanConfig).encoder:
        return {"methods": methods}
    (sampled,) = part.run.results(0)
    failed = [sampled[CALIBRATION].get("failed"), *(result.get("failed") for result in results)]
    why = next(filter(None, failed), "")
    if why:
        Line.objects.say(part.run, f"The semantic method did not see all rows: {why}", level="warning")
        return {"methods": methods, "left_out": {"semantic": why}}
    return {"methods": [*methods, "semantic"], "false_alarms": sampled[CALIBRATION]["rates"]}


def _lines(part: Part, counts: dict[str, Counts]) -> list[dict[str, Any]]:
    index, lines = _everything(part).plain, []
    for version in part.run.inputs_of("benchmarks"):
        name, source = version.dataset.name, version.dataset.source
        line = BenchmarkCounts(
            benchmark=name,
            version=str(version),
            role=source.benchmark_role if source else "",
            content_hash=version.content_hash,
            items=index.items[name],
            rows=part.run.input("training").rows,
            weakly_checked=len(index.weakly_checked[name]),
            unchecked=len(index.unchecked[name]),
            **asdict(counts.get(name, Counts())),
        )
        lines.append(line.facts())
    return lines


def scan_again(run: Run, renewed: jobs.Renewed, user: Any) -> Run:
    """All of the newer rows, against the newest versions of the same benchmarks."""
    background = run.inputs_of(BACKGROUND_OF)
    return start_scan(
        renewed(run.input("training")),
        [version.dataset.newest() or version for version in run.inputs_of("benchmarks")],
        load(ScanConfig, run.config),
        background=renewed(background[0]) if background else None,
        user=user,
    )


SCAN = jobs.register(
    jobs.Job(
        "scan",
        (
            jobs.Stage("sample", sample, _judged),
            jobs.Stage("match", match, unmatched_shards),
            jobs.Stage("settle", settle),
        ),
        finish=judge_scan,
        again=jobs.Again(("training", BACKGROUND_OF), scan_again, undecided),
    )
)
