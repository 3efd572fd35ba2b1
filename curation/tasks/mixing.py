"""Build a mixture: choose rows by hash, scatter them to output shards, gather each shard in its order."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import orjson
import pyarrow as pa
from django.db import transaction

from curation import jobs
from curation.engine.configs import load
from curation.engine.errors import BadInput, Refused
from curation.engine.mixing import (
    Cut,
    Piece,
    Recipe,
    boundaries,
    bucket,
    chosen_ids,
    cut,
    dump,
    expand,
    gather,
    order_keys,
    plan,
)
from curation.engine.records import REMOVED, SCHEMA
from curation.engine.store import SHARD_ROWS, Shard
from curation.gates import refuse_purged
from curation.models import Dataset, Event, Kind, Mixture, Part, Project, Run, Version

ORIGINS = pa.schema([pa.field("record_id", pa.string()), pa.field("component", pa.int32())])
SHARD_BYTES = 512 << 20
UNPACKED = 6  # a row group takes about so many times its zstd bytes in memory


def pinned(project: Project, recipe: Recipe) -> tuple[Recipe, list[Version]]:
    """The recipe with a version for every dataset, and these versions; only records may be mixed."""
    versions = [Version.objects.named(project, component.dataset) for component in recipe.components]
    for version in versions:
        if version.kind not in (Kind.RECORDS, Kind.MIXTURE):
            raise Refused(f"{version} holds {version.kind.label}, and only records may be mixed.")
        refuse_purged(version, "mixed")
    return recipe.pinned({version.dataset.name: version.number for version in versions}), versions


def checked(project: Project, recipe: Recipe) -> tuple[Recipe, list[Version]]:
    """The recipe pinned and its versions, if it gives rows and its names are free; DataError if it does not."""
    pin, versions = pinned(project, recipe)
    shares = plan(pin, {str(version): version.rows for version in versions})
    if not sum(share.rows for share in shares):
        raise BadInput(f"The recipe {recipe.name} asks for no rows at all.")
    for output, kind in ((recipe.name, Kind.MIXTURE), (f"{recipe.name}-origins", Kind.ORIGINS)):
        Dataset.objects.require_free(project, output, kind)
    return pin, versions


@transaction.atomic
def define_mixture(project: Project, recipe: Recipe, *, user: Any = None) -> Mixture:
    """Keep a recipe that could be built as it stands, without building it."""
    checked(project, recipe)
    return Mixture.objects.define(project, recipe.name, dump(recipe), by=user)


@transaction.atomic
def start_mix(project: Project, recipe: Recipe, *, user: Any = None) -> Run:
    """Keep the recipe as the mixture's newest edition, pin it, and start building it."""
    pin, versions = checked(project, recipe)
    Mixture.objects.define(project, recipe.name, dump(recipe), by=user)
    inputs = {"components": versions}
    return jobs.start(MIX, project=project, config=pin, inputs=inputs, subject=recipe.name, user=user)


def choose(part: Part) -> dict[str, Any]:
    """Which rows of each component, and where the output shards begin."""
    recipe, versions = load(Recipe, part.run.config), part.run.inputs_of("components")
    shares = plan(recipe, {str(version): version.rows for version in versions})
    cuts = [
        cut(_ids(v), rows=share.rows, available=v.rows, seed=recipe.seed, dataset=v.dataset.name)
        for v, share in zip(versions, shares, strict=True)
    ]
    keys = (
        order_keys(recipe.seed, chosen_ids(ids, made.copies(ids)))
        for version, made in zip(versions, cuts, strict=True)
        for ids in _ids(version)
    )
    bounds = boundaries(keys, _shard_rows(versions))
    return {"cuts": [asdict(made) for made in cuts], "bounds": bounds, "shares": [asdict(s) for s in shares]}


def _ids(version: Version) -> Iterator[pa.Array]:
    return (batch.column("id") for batch in version.batches(["id"]))


def _shard_rows(versions: list[Version]) -> int:
    """Fewer rows to a shard where rows are long: a shard is sorted in memory."""
    rows = sum(version.rows for version in versions) or 1
    mean = max(1, UNPACKED * sum(version.bytes for version in versions) // rows)
    return max(1_000, min(SHARD_ROWS, SHARD_BYTES // mean))


def component_shards(run: Run) -> Iterator[dict[str, Any]]:
    for number, version in enumerate(run.inputs_of("components")):
        for shard in version.shards():
            yield {"component": number, "shard": asdict(shard)}


def _choice(run: Run) -> tuple[dict[str, Any], int]:
    (choice,) = run.results(0)
    return choice, run.config["seed"]


def scatter(part: Part) -> dict[str, Any]:
    """The chosen rows of one input shard, a piece for each output shard that they go to."""
    choice, seed = _choice(part.run)
    shard, made = Shard(**part.spec["shard"]), Cut(**choice["cuts"][part.spec["component"]])
    chosen, done = [SCHEMA.empty_table()], 0
    for batch in part.store.batches([shard]):
        chosen.append(pa.Table.from_batches([expand(batch, made.copies(batch.column("id")))]))
        part.progress(done := done + batch.num_rows, shard.rows)
    table = pa.concat_tables(chosen)
    target = bucket(order_keys(seed, table.column("id")), choice["bounds"])
    pieces = {}
    for number in sorted(set(target.tolist())):
        piece = table.filter(pa.array(target == number))
        pieces[str(number)] = asdict(part.write("tmp/pieces", SCHEMA, piece.to_batches(), number))
    return {"component": part.spec["component"], "pieces": pieces}


def output_shards(run: Run) -> Iterator[dict[str, Any]]:
    """One part per output shard, with the pieces that belong to it."""
    choice, _ = _choice(run)
    pieces: list[list[dict[str, Any]]] = [[] for _ in range(len(choice["bounds"]) + 1)]
    for scattered in run.results(1):
        for number, shard in scattered["pieces"].items():
            pieces[int(number)].append({"component": scattered["component"], "shard": shard})
    return ({"pieces": own} for own in pieces)


def gather_shard(part: Part) -> dict[str, Any]:
    """One output shard from its pieces: sorted, each id once."""
    _, seed = _choice(part.run)
    pieces = [
        Piece(piece["component"], pa.Table.from_batches(part.store.batches([Shard(**piece["shard"])])))
        for piece in part.spec["pieces"]
    ]
    made = gather(pieces, seed)
    origins = pa.RecordBatch.from_arrays(
        [made.rows.column("id").combine_chunks(), pa.array(made.component, pa.int32())], schema=ORIGINS
    )
    return {
        "records": asdict(part.write("mixture", SCHEMA, made.rows.to_batches())),
        "origins": asdict(part.write("origins", ORIGINS, [origins])),
        "removed": asdict(part.write("removed", REMOVED, [_said(part.run, made.dropped)])),
    }


def _said(run: Run, dropped: pa.Table) -> pa.RecordBatch:
    """Why a row that was chosen is not there: an earlier component gave it."""
    names = [component["dataset"] for component in run.config["components"]]
    rows = [
        {
            "record_id": row["id"],
            "reason": f"{names[row['kept']]} gives this row already",
            "evidence": orjson.dumps({"from": names[row["component"]], "kept": names[row["kept"]]}).decode(),
        }
        for row in dropped.to_pylist()
    ]
    return pa.RecordBatch.from_pylist(rows, REMOVED)


def publish_mixture(part: Part) -> dict[str, Any]:
    run = part.run
    results, (choice, seed) = run.results(part.stage - 1), _choice(run)
    shards = {name: [Shard(**r[name]) for r in results] for name in ("records", "origins", "removed")}
    rows = sum(shard.rows for shard in shards["records"])
    removed = sum(shard.rows for shard in shards["removed"])
    facts = {"rows": rows, "seed": seed, "shares": choice["shares"], "duplicates": removed}
    part.publish("mixture", run.subject, Kind.MIXTURE, SCHEMA, shards["records"], facts=facts)
    part.publish("origins", f"{run.subject}-origins", Kind.ORIGINS, ORIGINS, shards["origins"])
    if removed:
        part.publish("removed", f"{run.subject}-removed", Kind.REMOVED, REMOVED, shards["removed"])
    return facts


def summarise(run: Run) -> None:
    version = run.output("mixture")
    run.summary = {"mixture": run.subject, "version": str(version), **version.facts}
    Event.objects.record("mixed", version, project=run.project, by=run.user, rows=version.rows)


MIX = jobs.register(
    jobs.Job(
        "mix",
        (
            jobs.Stage("choose", choose),
            jobs.Stage("scatter", scatter, component_shards),
            jobs.Stage("gather", gather_shard, output_shards),
            jobs.Stage("publish", publish_mixture),
        ),
        finish=summarise,
    )
)
