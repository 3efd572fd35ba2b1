"""Freeze the rulings of a project, and apply them to what a scan found."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import partial
from itertools import chain, islice
from typing import Any

import pyarrow as pa

from curation import jobs
from curation.engine.records import REMOVED, SCHEMA
from curation.engine.store import GROUP_ROWS, Shard
from curation.models import Check, Dataset, Event, Kind, Part, Run
from decontam.engine.apply import ApplyConfig, decide, guard, split
from decontam.engine.report import certificate
from decontam.engine.rules import FROZEN, Standing, columns_for, convictions, under
from decontam.models import Pair, Rule, Ruling
from decontam.tasks.scanning import identity, kind_of_check, recheck, shard_specs

PAIR = ("row_fingerprint", "item_fingerprint")
RULINGS = pa.unify_schemas(
    [pa.schema([(name, pa.string()) for name in (*PAIR, "verdict", "reason", "by", "at")]), FROZEN]
)


def start_apply(scan: Run, config: ApplyConfig, *, user: Any = None) -> Run:
    """Freeze the rulings of the project, and apply them and a finished scan to the version that was scanned."""
    training = scan.input("training")
    name = training.dataset.name
    made = {f"{name}-clean": Kind.RECORDS, f"{name}-removed": Kind.REMOVED, "rulings": Kind.RULINGS}
    for output, kind in made.items():
        Dataset.objects.require_free(scan.project, output, kind)
    inputs = {
        "training": training,
        "matches": scan.output("matches"),
        "benchmarks": scan.inputs_of("benchmarks"),
    }
    return jobs.start(APPLY, project=scan.project, config=config, inputs=inputs, subject=name, user=user)


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
    """Decide which records go, and stop here when they are too many."""
    run, config = part.run, part.config(ApplyConfig)
    columns = ["seq", "record_id", "row_fingerprint", "item_fingerprint", "benchmark", "item_id"]
    columns += ["method", "score", "suppressed"]
    rulings, rules = _thawed(run)
    found = partial(run.input("matches").batches, list(dict.fromkeys([*columns, *columns_for(rules)])))
    matches = (row for batch in under(found(), rules) for row in batch.to_pylist())
    decision = decide(matches, convictions(found, rules) | rulings, config)
    guard(len(decision.removed), run.input("training").rows, config)
    shard = part.write("tmp/decision", REMOVED, decision.removed.to_batches())
    counts = {
        "matches": decision.matches,
        "suppressed": decision.suppressed,
        "false_alarms": decision.false_alarms,
        "unruled_kept": decision.unruled_kept,
        "rules": len(rules),
        "rows_removed": len(decision.removed),
        "rows_removed_by_benchmark": decision.by_benchmark,
    }
    return {"shard": asdict(shard), "counts": counts}


def _thawed(run: Run) -> tuple[dict[Pair, str], list[Standing]]:
    """What people ruled of pairs, and the rules, as they were frozen."""
    said = [row for batch in run.output("rulings").batches() for row in batch.to_pylist()]
    rulings = {(row[PAIR[0]], row[PAIR[1]]): row["verdict"] for row in said if row["rule"] is None}
    return rulings, [Standing.thawed(row) for row in said if row["rule"] is not None]


def filter_shard(part: Part) -> dict[str, Any]:
    """Copy one shard without the rows that go."""
    shard = Shard(**part.spec["shard"])
    (chosen,) = part.run.results(part.stage - 1)
    going = pa.Table.from_batches(part.store.batches([Shard(**chosen["shard"])]), REMOVED)
    gone: list[pa.Table] = []

    def kept() -> Iterator[pa.RecordBatch]:
        done = 0
        for batch in part.store.batches([shard]):
            stay, leave = split(batch, going)
            gone.append(leave)
            yield stay
            part.progress(done := done + batch.num_rows, shard.rows)

    clean = part.write("clean", SCHEMA, kept())
    removed = part.write("removed", REMOVED, (b for table in gone for b in table.to_batches()))
    return {"clean": asdict(clean), "removed": asdict(removed)}


def publish_clean(part: Part) -> dict[str, Any]:
    run, training = part.run, part.run.input("training")
    (chosen,), filtered = run.results(1), run.results(2)
    clean = [Shard(**result["clean"]) for result in filtered]
    removed = [Shard(**result["removed"]) for result in filtered]
    name = training.dataset.name
    part.publish(
        "clean", f"{name}-clean", Kind.RECORDS, SCHEMA, clean, facts=chosen["counts"], subset_of=training
    )
    part.publish("removed", f"{name}-removed", Kind.REMOVED, REMOVED, removed)
    return chosen["counts"]  # type: ignore[no-any-return]


def judge_applied(run: Run) -> None:
    """A cleaned version passes when every match was removed, suppressed or ruled a false alarm."""
    clean, matches = run.output("clean"), run.input("matches")
    counts, lines, config = clean.facts, matches.facts["lines"], matches.run.config
    kept = counts["unruled_kept"]
    removed = counts["rows_removed"]
    run.summary = {"version": str(clean), "removed": removed, "rows": clean.rows, **counts}
    check = Check.objects.record(
        clean,
        kind_of_check(config),
        passed=not kept,
        run=run,
        against=run.inputs_of("benchmarks"),
        summary=f"{removed:,} rows removed, {kept:,} unruled matches kept",
        detail=certificate(
            subject=identity(clean),
            scanned=identity(run.input("training")),
            lines=lines,
            config=config | run.config,
            methods=matches.facts["methods"],
            counts=counts | {"rulings": run.output("rulings").content_hash},
            recheck=recheck(clean, lines, config),
        ),
    )
    Event.objects.record("cleaned", clean, project=run.project, by=run.user, check=check.status, **counts)


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
    )
)
