"""Freeze the rulings of a project, and apply them to what a scan found."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from typing import Any

import pyarrow as pa

from curation import jobs
from curation.engine.records import REMOVED, SCHEMA
from curation.engine.store import GROUP_ROWS, Shard
from curation.models import Check, Dataset, Event, Kind, Part, Run
from decontam.engine.apply import ApplyConfig, decide, guard, split
from decontam.engine.report import certificate
from decontam.models import Ruling
from decontam.tasks.scanning import identity, kind_of_check, recheck, shard_specs

RULINGS = pa.schema(
    [
        pa.field(name, pa.string())
        for name in ("row_fingerprint", "item_fingerprint", "verdict", "reason", "by", "at")
    ]
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
    """The rulings of the project as they are now, as a version that says for ever what was applied."""
    rulings = Ruling.objects.filter(project=part.run.project).select_related("by").order_by("pk")
    batches = (
        pa.RecordBatch.from_pylist([ruling.row() for ruling in some], RULINGS)
        for some in batched(rulings.iterator(), GROUP_ROWS)
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
    matches = (row for batch in run.input("matches").batches(columns) for row in batch.to_pylist())
    rulings = {
        (row["row_fingerprint"], row["item_fingerprint"]): row["verdict"]
        for batch in run.output("rulings").batches()
        for row in batch.to_pylist()
    }
    decision = decide(matches, rulings, config)
    guard(len(decision.removed), run.input("training").rows, config)
    shard = part.write("tmp/decision", REMOVED, decision.removed.to_batches())
    counts = {
        "matches": decision.matches,
        "suppressed": decision.suppressed,
        "false_alarms": decision.false_alarms,
        "unruled_kept": decision.unruled_kept,
        "rows_removed": len(decision.removed),
        "rows_removed_by_benchmark": decision.by_benchmark,
    }
    return {"shard": asdict(shard), "counts": counts}


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
