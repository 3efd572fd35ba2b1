"""Freeze the rulings of a project, and apply them and its policy to what a scan found."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import partial
from itertools import chain, islice
from typing import Any

import pyarrow as pa
from django.db import transaction

from curation import jobs
from curation.engine.configs import load
from curation.engine.errors import BadConfig, Refused
from curation.engine.records import REMOVED, SCHEMA
from curation.engine.store import GROUP_ROWS, Shard
from curation.engine.units import TURNS
from curation.models import Check, Dataset, Event, Kind, Part, Project, Run, Version
from decontam.engine.actions import Action, Struck
from decontam.engine.apply import DECIDED, ApplyConfig, Split, decide, guard, split
from decontam.engine.report import certificate
from decontam.engine.rules import FROZEN, columns_for, convictions, under
from decontam.models import Rule, Ruling
from decontam.questions.certificates import made_by
from decontam.questions.rules import PAIR, thawed
from decontam.questions.taint import children_in, made_from
from decontam.tasks.certifying import identity, kind_of_check, recheck
from decontam.tasks.scanning import shard_specs

RULINGS = pa.unify_schemas(
    [pa.schema([(name, pa.string()) for name in (*PAIR, "verdict", "reason", "by", "at")]), FROZEN]
)


@transaction.atomic
def start_apply(scan: Run, config: ApplyConfig, *, user: Any = None) -> Run:
    """
    Freeze the rulings of the project, and apply them and a finished scan to the version that was scanned. Refused while
    that scan is being applied: a second click would make a second version.
    """
    _require_at_rest(scan)
    if Action.CUT in (config.dev, config.unseen) and scan.config["unit"] not in TURNS:
        raise BadConfig(
            f"Scan {scan.pk} compared {scan.config['unit']} texts; only what was found in single turns can be cut. "
            "Choose drop or quarantine."
        )
    training = scan.input("training")
    if training.kind == Kind.BENCHMARK:
        raise Refused(
            f"{training} is a benchmark: what it shares with others is told, and nothing is taken out of it."
        )
    name = training.dataset.name
    made = {f"{name}-clean": Kind.RECORDS, f"{name}-removed": Kind.REMOVED, "rulings": Kind.RULINGS}
    if Action.QUARANTINE in (config.dev, config.unseen):
        made[f"{name}-quarantine"] = Kind.RECORDS
    for output, kind in made.items():
        Dataset.objects.require_free(scan.project, output, kind)
    inputs = {
        "training": training,
        "matches": scan.output("matches"),
        "benchmarks": scan.inputs_of("benchmarks"),
    }
    return jobs.start(APPLY, project=scan.project, config=config, inputs=inputs, subject=name, user=user)


def _require_at_rest(scan: Run) -> None:
    Project.objects.select_for_update(no_key=True).get(pk=scan.project_id)
    under_way = Run.objects.active().filter(kind=APPLY.kind, inputs=scan.output("matches")).first()
    if under_way:
        raise Refused(
            f"Scan {scan.pk} is being applied by run {under_way.pk}; wait until it is done, or stop it."
        )


def freeze(part: Part) -> dict[str, int]:
    """
    The rulings of the project, and the rules that hold for what was scanned, as they are now, as a version that says
    for ever what was applied.
    """
    project, dataset = part.run.project, part.run.input("training").dataset.name
    rulings = Ruling.objects.filter(project=project).select_related("by").order_by("pk")
    rules = Rule.objects.holding(project, dataset).select_related("by")
    batches = (
        pa.RecordBatch.from_pylist([one.row() for one in some], RULINGS)
        for some in batched(chain(rulings.iterator(), rules), GROUP_ROWS)
    )
    shard = part.write("rulings", RULINGS, batches)
    part.publish("rulings", "rulings", Kind.RULINGS, RULINGS, [shard])
    return {"rulings": shard.rows}


def batched(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    stream = iter(items)
    while some := list(islice(stream, size)):
        yield some


def choose(part: Part) -> dict[str, Any]:
    """Decide what becomes of which records, and stop here when too many leave."""
    run, config, found = part.run, part.config(ApplyConfig), part.run.input("matches")
    columns = ["seq", "record_id", "row_fingerprint", "item_fingerprint", "benchmark", "item_id"]
    columns += ["method", "score", "found_by", "suppressed"]
    if Action.CUT in (config.dev, config.unseen):
        columns += ["turn", "train_spans"]
    training, (rulings, rules) = run.input("training"), thawed(run.output("rulings"))
    read = partial(found.batches, list(dict.fromkeys([*columns, *columns_for(rules)])))
    matches = (row for batch in under(read(), rules) for row in batch.to_pylist())
    said = convictions(read, rules) | rulings
    decision = decide(matches, said, config, found.facts["lines"], children_in(training))
    guard(len(decision.removed), training.rows, config)
    shard = part.write("tmp/decision", DECIDED, decision.decided.to_batches())
    counts = {
        "matches": decision.matches,
        "suppressed": decision.suppressed,
        "false_alarms": decision.false_alarms,
        "unruled_kept": decision.unruled_kept,
        "meaning_kept": decision.meaning_kept,
        "rules": len(rules),
        "rows_tainted": decision.tainted,
        "rows_quarantined": decision.many(Action.QUARANTINE),
        "rows_removed_by_benchmark": decision.by_benchmark,
        "by_benchmark": [asdict(one) for one in decision.struck],
    }
    return {"shard": asdict(shard), "counts": counts}


def filter_shard(part: Part) -> dict[str, Any]:
    """Copy one shard: what stays, what goes into quarantine, and what is to be said of all that left."""
    shard = Shard(**part.spec["shard"])
    (chosen,) = part.run.results(part.stage - 1)
    decided = pa.Table.from_batches(part.store.batches([Shard(**chosen["shard"])]), DECIDED)
    done: list[Split] = []

    def kept() -> Iterator[pa.RecordBatch]:
        rows = 0
        for batch in part.store.batches([shard]):
            some = split(batch, decided)
            done.append(some)
            yield some.kept
            part.progress(rows := rows + batch.num_rows, shard.rows)

    made = {"clean": asdict(part.write("clean", SCHEMA, kept()))}
    told = (batch for some in done for batch in some.removed.to_batches())
    made["removed"] = asdict(part.write("removed", REMOVED, told))
    if any(some.quarantined.num_rows for some in done):
        apart = (some.quarantined for some in done)
        made["quarantine"] = asdict(part.write("quarantine", SCHEMA, apart))
    return made | {"cut": sum(some.cut for some in done), "emptied": sum(some.emptied for some in done)}


def publish_clean(part: Part) -> dict[str, Any]:
    """What was cut is no row of the whole any more, so that such a version inherits no check of it."""
    run, training, config = part.run, part.run.input("training"), part.config(ApplyConfig)
    (chosen,), filtered = run.results(1), run.results(2)
    made = {
        role: [Shard(**result[role]) for result in filtered if role in result]
        for role in ("clean", "removed", "quarantine")
    }
    sums = Counter[str]()
    for result in filtered:
        sums.update({name: result[name] for name in ("cut", "emptied")})
    removed = sum(shard.rows for shard in made["removed"])
    guard(removed, training.rows, config)
    counts = chosen["counts"] | {
        "rows_removed": removed,
        "rows_cut": sums["cut"],
        "rows_emptied": sums["emptied"],
    }
    name, whole = training.dataset.name, None if sums["cut"] else training
    part.publish("clean", f"{name}-clean", Kind.RECORDS, SCHEMA, made["clean"], facts=counts, subset_of=whole)
    part.publish("removed", f"{name}-removed", Kind.REMOVED, REMOVED, made["removed"])
    if made["quarantine"]:
        apart = f"{name}-quarantine"
        part.publish("quarantine", apart, Kind.RECORDS, SCHEMA, made["quarantine"], subset_of=training)
    ids = {key for b in part.store.batches(made["removed"], ["record_id"]) for key in b.column(0).to_pylist()}
    made_of = {one.version.pk: len(one.rows) for one in made_from(run.project, ids)}
    others = [[pk, rows] for pk, rows in made_of.items() if pk != training.pk]
    return {**counts, "tainted_versions": others}


def judge_applied(run: Run) -> None:
    """
    A cleaned version passes when every match was removed, suppressed or ruled a false alarm, no text was cut (nobody
    has scanned what is left), and the source need not go whole or somebody said why it stays.
    """
    clean, config = run.output("clean"), ApplyConfig(**run.config)
    counts = clean.facts
    whole = _condemned(counts, config)
    run.summary = {"version": str(clean), "removed": counts["rows_removed"], "rows": clean.rows, **counts}
    wrong = counts["unruled_kept"] or counts["rows_cut"] or (whole and not config.allow_source)
    check = _record(run, clean, passed=not wrong, said=_said(counts, whole, config))
    _judge_quarantine(run)
    _judge_tainted(run)
    for told in _overrides(run):
        Event.objects.record("kept source", clean, project=run.project, by=run.user, **told)
    Event.objects.record("cleaned", clean, project=run.project, by=run.user, check=check.status, **counts)


def _overrides(run: Run) -> list[dict[str, Any]]:
    """What a person let pass, and why."""
    config = ApplyConfig(**run.config)
    over = [one.benchmark for one in _condemned(run.output("clean").facts, config)]
    return [{"reason": config.allow_source, "benchmarks": over}] if over and config.allow_source else []


def _condemned(counts: dict[str, Any], config: ApplyConfig) -> list[Struck]:
    """The held-out benchmarks for which the source should go whole."""
    struck = [Struck(**one) for one in counts["by_benchmark"]]
    return [one for one in struck if one.condemns(config.source_above)]


def _said(counts: dict[str, Any], whole: list[Struck], config: ApplyConfig) -> str:
    said = f"{counts['rows_removed']:,} rows removed, {counts['unruled_kept']:,} unruled matches kept"
    if counts["meaning_kept"]:
        said += f", {counts['meaning_kept']:,} matches close in meaning kept for a person"
    if counts["rows_tainted"]:
        said += f", {counts['rows_tainted']:,} of the rows made from removed ones"
    if counts["rows_quarantined"]:
        said += f", {counts['rows_quarantined']:,} of the rows quarantined"
    if counts["rows_cut"]:
        said += f"; {counts['rows_cut']:,} rows were cut: scan what is left of them"
    if whole:
        hit = ", ".join(one.said for one in whole[:2]) + (
            f" and {len(whole) - 2} more" if len(whole) > 2 else ""
        )
        said += f"; kept with a reason although it has {hit}" if config.allow_source else ""
        said += "" if config.allow_source else f"; the source should go whole: it has {hit}"
    return said[:300]


def _judge_quarantine(run: Run) -> None:
    """What was set apart is exported by nobody until it was scanned again, with its matches ruled false alarms."""
    if apart := run.outputs.filter(role="quarantine").select_related("dataset__project").first():
        said = (
            f"{apart.rows:,} rows are quarantined: rule on their matches and scan them again to release them"
        )
        _record(run, apart, passed=False, said=said)


def _judge_tainted(run: Run) -> None:
    """Other versions with rows that were made from removed ones pass no more, until they are scanned and applied."""
    (published,) = run.results(3)
    scanned = run.input("training")
    rows_of = dict(published["tainted_versions"])
    for version in Version.objects.live().filter(pk__in=rows_of).select_related("dataset__project"):
        rows = rows_of[version.pk]
        said = (
            f"{rows:,} rows were made from rows that were removed from {scanned}: scan it and apply the scan"
        )
        _record(run, version, passed=False, said=said, counts={"rows_tainted": rows, "rows_removed": 0})


def _record(
    run: Run, version: Version, *, passed: bool, said: str, counts: dict[str, Any] | None = None
) -> Check:
    matches = run.input("matches")
    facts, config = matches.facts, matches.run.config
    rulings = {"rulings": run.output("rulings").content_hash}
    return Check.objects.record(
        version,
        kind_of_check(config),
        passed=passed,
        run=run,
        against=run.inputs_of("benchmarks"),
        summary=said,
        detail=certificate(
            subject=identity(version),
            scanned=identity(run.input("training")),
            lines=facts["lines"],
            config=config | run.config,
            methods=facts["methods"],
            counts=(counts or run.output("clean").facts) | rulings,
            recheck=recheck(run.input("training"), facts, config),
            **made_by(run, facts),
            overrides=_overrides(run),
        ),
    )


def apply_again(run: Run, renewed: jobs.Renewed, user: Any) -> Run:
    return start_apply(renewed(run.input("matches")).run, load(ApplyConfig, run.config), user=user)


APPLY = jobs.register(
    jobs.Job(
        "apply",
        (
            jobs.Stage("freeze", freeze),
            jobs.Stage("choose", choose),
            jobs.Stage("filter", filter_shard, shard_specs("training")),
            jobs.Stage("publish", publish_clean),
        ),
        finish=judge_applied,
        again=jobs.Again(("training", "matches"), apply_again),
    )
)
