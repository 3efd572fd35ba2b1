"""Scan a version against benchmarks: match shard by shard, then sort, number and count the evidence."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from math import ceil
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation import jobs
from curation.engine.errors import BadConfig, BadInput
from curation.engine.store import SHARD_ROWS, Shard
from curation.engine.units import ITEM_COLUMNS, ItemPart, Unit, item_parts, texts
from curation.models import Dataset, Kind, Line, Part, Run, Version, store
from decontam.engine import NgramConfig
from decontam.engine.background import LARGEST_SAMPLE, Background
from decontam.engine.background import TABLE as BACKGROUND
from decontam.engine.carrying import Places, unlike
from decontam.engine.detecting import Detector, Profile
from decontam.engine.evidence import CAUSES, MATCHES, Counts, Evidence, Items, SortedEvidence
from decontam.engine.near import NearIndex
from decontam.engine.precision import Precision, PrecisionConfig
from decontam.engine.report import BenchmarkCounts
from decontam.engine.semantic import SemanticConfig
from decontam.questions.taint import children_in
from decontam.tasks.certifying import identity, judge_scan
from decontam.tasks.earlier import compared, earlier, known, new_items, taken_over
from decontam.tasks.meaning import CALIBRATION, Meaning, calibrate, meaning, require_encoder

SHORTEST_PART = 8  # words of an answer or a passage that is looked for: "42" and "yes" are everywhere
IDS = ["id", "fingerprint"]
ELSEWHERE, MOST_ELSEWHERE = "elsewhere", 20


@dataclass(frozen=True, slots=True)
class ScanConfig:
    """
    How a unit of match is looked at. `n` and `threshold` are those of the plain rule (`NgramConfig`), which every
    profile applies; the default profile looks in further ways and says what of it counts. With an `encoder` (of this
    machine, or `endpoint:` and a name) it also looks for meaning, at a rate of false alarms on the source's own rows.
    `thresholds` are the shares of an item's information that count, by the name of a benchmark.
    """

    n: int = 8
    threshold: float = 0.5
    unit: str = Unit.USER
    profile: str = Profile.DEFAULT
    encoder: str = ""
    false_alarms: float = 0.01
    thresholds: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _ = self.ngram, self.semantic, self.precision
        if self.profile not in set(Profile):
            raise BadConfig(f"There is no profile {self.profile!r}; choose one of {', '.join(Profile)}.")
        if self.unit not in set(Unit):
            raise BadConfig(f"There is no unit of match {self.unit!r}; choose one of {', '.join(Unit)}.")
        if self.profile == Profile.PLAIN and (self.encoder or self.thresholds):
            raise BadConfig(
                "The plain rule looks for no meaning, and nothing judges what it finds: "
                "leave out encoder and thresholds."
            )

    @property
    def precision(self) -> PrecisionConfig:
        return PrecisionConfig(thresholds=self.thresholds)

    @property
    def semantic(self) -> SemanticConfig:
        return SemanticConfig(encoder=self.encoder, false_alarms=self.false_alarms)

    @property
    def ngram(self) -> NgramConfig:
        return NgramConfig(n=self.n, threshold=self.threshold)


@dataclass(frozen=True, slots=True)
class Benchmarks:
    detector: Detector
    items: dict[str, Items]

    @property
    def prompts(self) -> dict[str, Any]:
        """What is looked for by its meaning."""
        return {
            key: found.texts for key, found in self.items.items() if key == found.benchmark and len(found)
        }

    def judged_by(self, thresholds: Mapping[str, float]) -> PrecisionConfig:
        """A threshold for a benchmark holds for every part of its items."""
        said = {
            key: thresholds[found.benchmark]
            for key, found in self.items.items()
            if found.benchmark in thresholds
        }
        return PrecisionConfig(thresholds=said)


def start_scan(training: Version, benchmarks: list[Version], config: ScanConfig, *, user: Any = None) -> Run:
    """Compare a version of records with benchmarks; both sides must be what they are taken for."""
    require_scannable(training, benchmarks)
    _require_known(config.thresholds, benchmarks)
    inputs: dict[str, Any] = {"training": training, "benchmarks": benchmarks}
    if config.profile != Profile.PLAIN:
        inputs[ELSEWHERE] = elsewhere(training)
    project, name = training.dataset.project, training.dataset.name
    require_encoder(project, config.encoder)
    return jobs.start(SCAN, project=project, config=config, inputs=inputs, subject=name, user=user)


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


def items_of(version: Version, profile: str = Profile.DEFAULT) -> dict[str, Items]:
    """
    What is looked for: under the name of the benchmark its prompts (whole items under the plain rule), answers and
    passages that are long enough each under a name of their own.
    """
    batches = list(version.batches(IDS + ITEM_COLUMNS))
    if not sum(batch.num_rows for batch in batches):
        raise BadInput(f"{version} has no items")
    table, name = pa.Table.from_batches(batches), version.dataset.name
    ids, fingerprints = (table.column(column).to_pylist() for column in IDS)
    parts = [item_parts(batch) for batch in batches]

    def items(part: ItemPart, texts: Any) -> Items:
        return Items(ids, fingerprints, texts, part, name)

    first = ItemPart.WHOLE if profile == Profile.PLAIN else ItemPart.PROMPT
    found = {name: items(first, pa.chunked_array([of[first] for of in parts]).combine_chunks())}
    for part in (ItemPart.ANSWER, ItemPart.PASSAGE):
        said = pc.fill_null(pa.chunked_array([of[part] for of in parts]).combine_chunks(), "")
        long = pc.greater_equal(pc.count_substring_regex(said, r"\w+"), SHORTEST_PART)
        if first is ItemPart.PROMPT and pc.any(long).as_py():
            found[f"{name} {part}"] = items(part, pc.if_else(long, said, ""))
    return found


def _benchmarks(part: Part) -> Benchmarks:
    """Every part of a scan needs the same tables."""
    return index_for(part.run.inputs_of("benchmarks"), part.config(ScanConfig), compared(part.run))


def index_for(versions: list[Version], config: ScanConfig, before: Sequence[Version] = ()) -> Benchmarks:
    """What a scan with this config looks for: all items, without those of `before`. Kept per process by contents."""
    key = str([[[(of.dataset.name, of.content_hash) for of in some] for some in (versions, before)], config])
    if (held := _kept.get(key)) is None:
        _kept.clear()
        held = _kept[key] = _built(versions, config, list(before))
    return held


def _precision(part: Part, looked_for: Benchmarks) -> Precision:
    """By what is common in the source and in others that were scanned before."""
    (sampled,) = part.run.results(0)
    shard, others = Shard(**sampled["shard"]), part.run.inputs_of(ELSEWHERE)

    def backgrounds() -> tuple[Background, Background]:
        own = Background.read(part.store.batches([shard]))
        return own, sum((Background.read(version.batches()) for version in others), Background())

    key = f"{shard.sha256} {[version.content_hash for version in others]}"
    return judging(looked_for, part.config(ScanConfig).thresholds, key, backgrounds)


def judging(
    looked_for: Benchmarks,
    thresholds: Mapping[str, float],
    key: str,
    backgrounds: Callable[[], tuple[Background, Background]],
) -> Precision:
    """Kept per process, for the detector and what is common here and elsewhere; `key` stands for the latter two."""
    detector, config = looked_for.detector, looked_for.judged_by(thresholds)
    if _judging.get("for") != (detector, config, key):
        _judging.clear()
        own, others = backgrounds()
        precision = Precision(detector, own, config, others)
        _judging.update({"for": (detector, config, key), "precision": precision})
    return _judging["precision"]  # type: ignore[no-any-return]


_kept: dict[Any, Benchmarks] = {}
_judging: dict[str, Any] = {}


def _built(versions: list[Version], config: ScanConfig, before: list[Version]) -> Benchmarks:
    items = {key: found for version in versions for key, found in items_of(version, config.profile).items()}
    of_before = known(before)
    items = {
        key: _without(found, of_before[found.benchmark]) if found.benchmark in of_before else found
        for key, found in items.items()
    }
    looked_for = {key: found.texts for key, found in items.items() if len(found)}
    others = [NearIndex.build(looked_for)] if config.profile != Profile.PLAIN else []
    return Benchmarks(Detector.build(looked_for, config.ngram, config.profile, others), items)


def _without(items: Items, before: Places) -> Items:
    new = unlike(items.fingerprints, before)
    ids, fingerprints = (pa.array(some).filter(new).to_pylist() for some in (items.ids, items.fingerprints))
    return replace(items, ids=ids, fingerprints=fingerprints, texts=items.texts.filter(new))


def unmatched_shards(run: Run) -> Any:
    """All of the training version, unless an earlier scan has compared it with every item."""
    return [] if earlier(run) and not new_items(run) else shard_specs("training")(run)


def shard_specs(role: str) -> Any:
    """One part per shard of an input."""
    return lambda run: ({"shard": asdict(shard)} for shard in run.input(role).shards())


def _judged(run: Run) -> list[dict[str, Any]]:
    """The plain rule needs no sample, since nothing of what it finds is judged; neither do matches taken over."""
    judged = run.config.get("profile", Profile.PLAIN) != Profile.PLAIN
    return [{}] if judged and not (earlier(run) and not new_items(run)) else []


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
        made[CALIBRATION] = calibrate(part, config.semantic, looked_for.prompts, rows)
    return made


def some_texts(version: Version, unit: Unit) -> Any:
    """The first rows of every shard, as many of each."""
    shards, some = version.shards(), [pa.array([], pa.string())]
    for shard in shards:
        batch = next(iter(store().batches([shard], IDS + unit.columns)), None)
        if batch is not None:
            some.append(texts(batch, unit).text.slice(0, ceil(LARGEST_SAMPLE / len(shards))))
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
    found.count_partial({version.dataset.name: version.rows for version in run.inputs_of("benchmarks")})
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
        "elsewhere": [identity(version) for version in run.inputs_of(ELSEWHERE)],
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
            items=version.rows,
            rows=part.run.input("training").rows,
            weakly_checked=len(index.weakly_checked[name]),
            unchecked=len(index.unchecked[name]),
            **asdict(counts.get(name, Counts())),
        )
        lines.append(line.facts())
    return lines


SCAN = jobs.register(
    jobs.Job(
        "scan",
        (
            jobs.Stage("sample", sample, _judged),
            jobs.Stage("match", match, unmatched_shards),
            jobs.Stage("settle", settle),
        ),
        finish=judge_scan,
    )
)
