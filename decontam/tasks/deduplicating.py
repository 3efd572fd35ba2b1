"""
Remove duplicates from versions of records: the stages of `decontam.engine.dedupe`, part by part.

The clusters are published before anything is removed, so they are there to be looked at when the guard refuses.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from curation import jobs
from curation.engine.configs import load
from curation.engine.errors import BadInput
from curation.engine.names import check_name
from curation.engine.records import REMOVED, SCHEMA
from curation.engine.store import SHARD_ROWS, Shard
from curation.models import Dataset, Event, Kind, Part, Project, Run, Version
from decontam.engine.dedupe.config import DedupeConfig
from decontam.engine.dedupe.keys import columns, key_texts
from decontam.engine.dedupe.library import PAIRS_A_PART
from decontam.engine.dedupe.ordering import ROWS, USED, order
from decontam.engine.dedupe.pairing import GONE, NEEDED, PAIRS, Pairs, band_ranges, candidates
from decontam.engine.dedupe.resolving import CLUSTERS, KEPT_MAP, NAMED, Resolution, guard, settle
from decontam.engine.dedupe.signing import band_name, sign_records, signed_schema
from decontam.engine.dedupe.verifying import EDGES, TEXTS, needed_texts, verify

AGAIN = " again"


def start_dedupe(
    versions: Sequence[Version],
    config: DedupeConfig,
    *,
    against: Sequence[Version] = (),
    name: str = "",
    user: Any = None,
) -> Run:
    """
    Find and remove the duplicates in some versions, and what they have in common with those they are held `against`,
    which lose nothing. The outputs are called after `name`, or after the first version.
    """
    every = [*versions, *against]
    if not versions:
        raise BadInput("There is no version to deduplicate.")
    for version in every:
        if version.kind not in (Kind.RECORDS, Kind.MIXTURE):
            raise BadInput(f"{version} holds {version.kind.label}; only records are deduplicated.")
    if len({version.pk for version in every}) < len(every):
        raise BadInput("A version is given twice: name each one once, on one side.")
    if not sum(version.rows for version in versions):
        raise BadInput(f"{versions[0]} has no rows.")
    project = versions[0].dataset.project
    subject = check_name(name or versions[0].dataset.name, "the name of what comes out")
    require_free_names(project, subject)
    inputs = {"versions": list(versions), "against": list(against)}
    return jobs.start(DEDUPE, project=project, config=config, inputs=inputs, subject=subject, user=user)


def output_names(subject: str) -> dict[str, tuple[str, Kind]]:
    """By role of the output: its dataset and what that holds."""
    return {
        "deduplicated": (f"{subject}-deduplicated", Kind.RECORDS),
        "removed": (f"{subject}-duplicates", Kind.REMOVED),
        "clusters": (f"{subject}-clusters", Kind.CLUSTERS),
    }


def require_free_names(project: Project, subject: str) -> None:
    for output, kind in output_names(subject).values():
        Dataset.objects.require_free(project, output, kind)


# ---- where things are


def results(run: Run, stage: str) -> list[Any]:
    return run.results(STAGES.index(stage))


def shards_of(run: Run, stage: str, name: str) -> list[Shard]:
    """The files of one name that the parts of a stage wrote, in order."""
    return [Shard(**shard) for result in results(run, stage) for shard in result[name]]


def inputs(run: Run) -> list[dict[str, Any]]:
    """Every shard that is read, those of the reference first: where its positions begin, and on which side it is."""
    specs, first = [], 0
    for reference, role in ((True, "against"), (False, "versions")):
        for version in run.inputs_of(role):
            for shard in version.shards():
                specs.append({"shard": asdict(shard), "first": first, "reference": reference})
                first += shard.rows
    return specs


def reference_rows(run: Run) -> int:
    return sum(version.rows for version in run.inputs_of("against"))


def watched(part: Part, batches: Iterable[pa.RecordBatch], total: int) -> Iterator[pa.RecordBatch]:
    """The same batches; the part says how far it is, and stops when it is told to."""
    done = 0
    for batch in batches:
        yield batch
        part.progress(done := done + batch.num_rows, total)


def read(part: Part, stage: str, name: str, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """What an earlier stage wrote; nothing where that stage had nothing to do."""
    shards = shards_of(part.run, stage, name)
    batches = part.store.batches(shards, columns)
    return watched(part, batches, sum(shard.rows for shard in shards))


def edges(part: Part) -> Iterator[pa.RecordBatch]:
    yield from read(part, "verify", "edges")
    yield from read(part, "verify" + AGAIN, "edges")


# ---- stages


def sign(part: Part) -> dict[str, Any]:
    """One shard: the digest of each row's text, and the bands of its signature."""
    config, shard, spec = part.config(DedupeConfig), Shard(**part.spec["shard"]), part.spec
    read = {"rows": 0, "empty": 0}

    def signed() -> Iterator[pa.RecordBatch]:
        for batch in watched(part, part.store.batches([shard], columns(config)), shard.rows):
            made = sign_records(batch, spec["first"] + read["rows"], config, reference=spec["reference"])
            read["rows"] += batch.num_rows
            read["empty"] += made.column("digest").null_count
            yield made

    written = part.write("tmp/signed", signed_schema(config), signed())
    return {"signed": [asdict(written)], **read}


def order_rows(part: Part) -> dict[str, Any]:
    """All rows in the order in which they are kept, and which of them say the same."""
    signed = results(part.run, "sign")
    rows, empty = (sum(result[name] for result in signed) for name in ("rows", "empty"))
    if rows == empty:
        key = part.config(DedupeConfig).key
        raise BadInput(f"None of the {rows:,} rows has any text as {key}; nothing could be compared.")
    written = part.write("tmp/rows", ROWS, order(read(part, "sign", "signed", USED)))
    return {"rows": [asdict(written)], "empty": empty}


def pair_bands(part: Part) -> dict[str, Any]:
    """Pairs from a range of bands."""
    config, bands = part.config(DedupeConfig), part.spec["bands"]
    names = ["position", *map(band_name, bands)]
    found = candidates(
        read(part, "sign", "signed", names),
        read(part, "order", "rows"),
        bands,
        config,
        reference=reference_rows(part.run),
        gone=read(part, "settle", "gone") if part.spec["again"] else None,
    )
    return {"found": [asdict(part.write("tmp/found", PAIRS, found))]}


def join_pairs(part: Part) -> dict[str, Any]:
    """Each pair once, cut into parts; and for each shard the rows whose texts are to be compared."""
    suffix = AGAIN if part.spec["again"] else ""
    seen = read(part, "join", "pairs") if suffix else ()
    written: dict[str, list[dict[str, Any]]] = {"pairs": [], "needed": []}
    with Pairs(read(part, "pair" + suffix, "found"), read(part, "order", "rows"), seen) as pairs:
        parts = -(-len(pairs) // PAIRS_A_PART)
        for number in range(parts):
            shard = part.write(
                "tmp/pairs", PAIRS, watched(part, pairs.part(number, parts), len(pairs)), number
            )
            written["pairs"].append(asdict(shard))
        for number, spec in enumerate(inputs(part.run)):
            needed = pairs.needed(spec["first"], spec["first"] + spec["shard"]["rows"])
            written["needed"].append(asdict(part.write("tmp/needed", NEEDED, needed, number)))
    return written


def gather(part: Part) -> dict[str, Any]:
    """The texts of one shard that are to be compared."""
    config, shard, first = part.config(DedupeConfig), Shard(**part.spec["shard"]), part.spec["first"]
    needed = pa.Table.from_batches(part.store.batches([Shard(**part.spec["needed"])]), NEEDED)

    def texts() -> Iterator[pa.RecordBatch]:
        done = first
        for batch in watched(part, part.store.batches([shard], columns(config)), shard.rows):
            yield needed_texts(key_texts(batch, config.key), done, needed)
            done += batch.num_rows

    return {"texts": [asdict(part.write("tmp/texts", TEXTS, texts()))]}


def verify_pairs(part: Part) -> dict[str, Any]:
    """The true similarity of each pair of a part."""
    pairs = part.store.batches([Shard(**part.spec["pairs"])])
    suffix = AGAIN if part.spec["again"] else ""
    checked = verify(pairs, read(part, "gather" + suffix, "texts"), part.config(DedupeConfig))
    return {"edges": [asdict(part.write("tmp/edges", EDGES, checked))]}


def settle_first(part: Part) -> dict[str, Any]:
    """What the first pass removes, the second does not look at."""
    run = part.run
    rows = sum(result["rows"] for result in results(run, "sign"))
    gone = settle(edges(part), rows, reference_rows(run), part.config(DedupeConfig))
    return {"gone": [asdict(part.write("tmp/gone", GONE, gone.to_batches()))]}


def resolve(part: Part) -> dict[str, Any]:
    """Decide which rows go and for which row, and publish the clusters: nothing is removed yet."""
    run, config = part.run, part.config(DedupeConfig)
    rows, signed = read(part, "order", "rows"), read(part, "sign", "signed", NAMED)
    gone = []
    with Resolution(edges(part), rows, signed, reference_rows(run), config) as found:
        clusters = list(_cut(part, found.clusters()))
        for number, spec in enumerate(inputs(run)):
            removed = found.removed(spec["first"], spec["first"] + spec["shard"]["rows"])
            gone.append(asdict(part.write("tmp/gone", KEPT_MAP, removed, number)))
        facts = found.facts(reference_rows(run))
    (ordered,) = results(run, "order")
    facts |= {"empty": ordered["empty"], "unmet_sources": sorted(set(config.sources) - set(facts["sources"]))}
    name, kind = output_names(run.subject)["clusters"]
    part.publish("clusters", name, kind, CLUSTERS, clusters, facts=facts)
    return {"gone": gone, "facts": facts}


def _cut(part: Part, batches: Iterator[pa.RecordBatch]) -> Iterator[Shard]:
    """Shards of SHARD_ROWS rows."""
    number, rest = 0, next(batches, None)
    while rest is not None or number == 0:
        room, some = SHARD_ROWS, []
        while rest is not None and room:
            some.append(rest.slice(0, room))
            room -= len(some[-1])
            rest = rest.slice(len(some[-1])) if len(some[-1]) < len(rest) else next(batches, None)
        yield part.write("clusters", CLUSTERS, some, number)
        number += 1


def guard_sources(part: Part) -> None:
    """Stop here when a source would lose more than was agreed to."""
    (resolved,) = results(part.run, "resolve")
    guard(resolved["facts"], part.config(DedupeConfig))


def filter_shard(part: Part) -> dict[str, Any]:
    """Copy one shard without the rows that go."""
    shard, first = Shard(**part.spec["shard"]), part.spec["first"]
    gone = pa.Table.from_batches(part.store.batches([Shard(**part.spec["gone"])]), KEPT_MAP)
    stays = np.ones(shard.rows, bool)
    stays[gone.column("position").to_numpy() - first] = False

    def kept() -> Iterator[pa.RecordBatch]:
        done = 0
        for batch in watched(part, part.store.batches([shard]), shard.rows):
            yield batch.filter(pa.array(stays[done : done + batch.num_rows]))
            done += batch.num_rows

    clean = part.write("deduplicated", SCHEMA, kept())
    removed = part.write("removed", REMOVED, (removed_rows(batch) for batch in gone.to_batches()))
    return {"deduplicated": [asdict(clean)], "removed": [asdict(removed)]}


def removed_rows(gone: pa.RecordBatch) -> pa.RecordBatch:
    """What is to be said of rows that go: for which one, and what speaks for it."""
    rows = [
        {
            "record_id": row["record_id"],
            "reason": f"duplicate of {row['kept_id']}: {row['reason']}",
            "evidence": orjson.dumps(
                {name: row[name] for name in ("kept_id", "similarity", "method", "cluster")}
            ).decode(),
        }
        for row in gone.to_pylist()
    ]
    return pa.RecordBatch.from_pylist(rows, REMOVED)


def publish(part: Part) -> None:
    run = part.run
    versions, facts = run.inputs_of("versions"), results(run, "resolve")[0]["facts"]
    subset_of = versions[0] if len(versions) == 1 else None
    for role, schema in (("deduplicated", SCHEMA), ("removed", REMOVED)):
        name, kind = output_names(run.subject)[role]
        shards = shards_of(run, "filter", role)
        of = subset_of if role == "deduplicated" else None
        part.publish(role, name, kind, schema, shards, facts=facts, subset_of=of)


def tell(run: Run) -> None:
    made, facts = run.output("deduplicated"), run.output("clusters").facts
    run.summary = {"version": str(made), "clusters_version": str(run.output("clusters")), **facts}
    counts = {name: facts[name] for name in ("removed", "exact", "near", "clusters")}
    Event.objects.record("deduplicated", made, project=run.project, by=run.user, **counts)


# ---- what the parts are


def bands_again(again: bool) -> Any:
    return lambda run: (
        {"bands": bands, "again": again} for bands in band_ranges(load(DedupeConfig, run.config))
    )


def once(again: bool) -> Any:
    """One part, where near-duplicates are looked for at all."""
    return lambda run: [{"again": again}] if run.config["near"] else []


def needed_shards(stage: str) -> Any:
    def plan(run: Run) -> Iterator[dict[str, Any]]:
        for spec, needed in zip(inputs(run), shards_of(run, stage, "needed"), strict=False):
            if needed.rows:
                yield spec | {"needed": asdict(needed)}

    return plan


def pair_files(again: bool) -> Any:
    stage = "join" + AGAIN if again else "join"
    return lambda run: ({"pairs": asdict(shard), "again": again} for shard in shards_of(run, stage, "pairs"))


def own_shards(run: Run) -> Iterator[dict[str, Any]]:
    """The shards that lose rows."""
    for spec, gone in zip(inputs(run), shards_of(run, "resolve", "gone"), strict=True):
        if not spec["reference"]:
            yield spec | {"gone": asdict(gone)}


def one_pass(again: bool) -> tuple[jobs.Stage, ...]:
    suffix = AGAIN if again else ""
    return (
        jobs.Stage("pair" + suffix, pair_bands, bands_again(again)),
        jobs.Stage("join" + suffix, join_pairs, once(again)),
        jobs.Stage("gather" + suffix, gather, needed_shards("join" + suffix)),
        jobs.Stage("verify" + suffix, verify_pairs, pair_files(again)),
    )


def dedupe_again(run: Run, renewed: jobs.Renewed, user: Any) -> Run:
    versions, against = ([renewed(one) for one in run.inputs_of(role)] for role in ("versions", "against"))
    config = load(DedupeConfig, run.config)
    return start_dedupe(versions, config, against=against, name=run.subject, user=user)


DEDUPE = jobs.register(
    jobs.Job(
        "dedupe",
        (
            jobs.Stage("sign", sign, inputs),
            jobs.Stage("order", order_rows),
            *one_pass(False),
            jobs.Stage("settle", settle_first, once(False)),
            *one_pass(True),
            jobs.Stage("resolve", resolve),
            jobs.Stage("guard", guard_sources),
            jobs.Stage("filter", filter_shard, own_shards),
            jobs.Stage("publish", publish),
        ),
        finish=tell,
        again=jobs.Again(("versions", "against"), dedupe_again),
    )
)
STAGES = [stage.name for stage in DEDUPE.stages]
