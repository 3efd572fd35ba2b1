"""Build a mixture: choose rows by hash, scatter them to output shards, gather each shard in its order."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
from django.db import transaction

from curation import jobs
from curation.engine.configs import load
from curation.engine.errors import BadInput
from curation.engine.exploring import sheet
from curation.engine.mixing import (
    GONE,
    NOTHING,
    Draw,
    Gone,
    IdSet,
    Measured,
    Piece,
    Recipe,
    Scattered,
    Share,
    boundaries,
    chosen_ids,
    draw,
    dump,
    gather,
    measured,
    order_keys,
    pieces,
    plan,
    weighed,
)
from curation.engine.records import REMOVED, SCHEMA
from curation.engine.store import SHARD_ROWS, Shard
from curation.gates import refuse_purged
from curation.models import Dataset, Event, Kind, Mixture, Part, Project, Run, Version
from curation.questions.pools import Pool, needs_measures, pool

MEASURES, DUPLICATES = "measures", "duplicates"
ORIGINS = pa.schema([pa.field("record_id", pa.string()), pa.field("component", pa.int32())])
SHARD_BYTES = 512 << 20
UNPACKED = 6  # a row group takes about so many times its zstd bytes in memory


def checked(project: Project, recipe: Recipe) -> Pool:
    """The recipe pinned with its versions, if it gives rows and its names are free; DataError if it does not."""
    found = pool(project, recipe)
    for version in found.versions:
        refuse_purged(version, "mixed")
    if not sum(share.rows for share in plan(found.recipe, found.stocks())):
        raise BadInput(f"The recipe {recipe.name} asks for no rows at all.")
    for output, kind in ((recipe.name, Kind.MIXTURE), (f"{recipe.name}-origins", Kind.ORIGINS)):
        Dataset.objects.require_free(project, output, kind)
    return found


@transaction.atomic
def define_mixture(project: Project, recipe: Recipe, *, user: Any = None) -> Mixture:
    """Keep a recipe that could be built as it stands, without building it."""
    checked(project, recipe)
    return Mixture.objects.define(project, recipe.name, dump(recipe), by=user)


@transaction.atomic
def start_mix(project: Project, recipe: Recipe, *, user: Any = None) -> Run:
    """Keep the recipe as the mixture's newest edition, pin it, and start building it."""
    found = checked(project, recipe)
    Mixture.objects.define(project, recipe.name, dump(recipe), by=user)
    inputs = {
        "components": found.versions,
        MEASURES: [one for one in found.measures if one is not None] if _measured(found.recipe) else [],
        DUPLICATES: [found.duplicates] if found.duplicates else [],
    }
    return jobs.start(
        MIX, project=project, config=found.recipe, inputs=inputs, subject=recipe.name, user=user
    )


def _measured(recipe: Recipe) -> bool:
    return any(needs_measures(recipe, component) for component in recipe.components)


def _pool(run: Run) -> Pool:
    """What the run draws from: the inputs that it was started with."""
    measures = {one.facts["of"]: one for one in run.inputs_of(MEASURES)}
    versions, duplicates = run.inputs_of("components"), run.inputs_of(DUPLICATES)
    return Pool(
        load(Recipe, run.config),
        tuple(versions),
        tuple(measures.get(str(version)) for version in versions),
        duplicates[0] if duplicates else None,
    )


def choose(part: Part) -> dict[str, Any]:
    """Which rows of each component, which are left out, and where the output shards begin."""
    found = _pool(part.run)
    recipe, gone, stocks = found.recipe, found.gone(), found.stocks()
    shares = plan(recipe, stocks)
    rows_of = _watched(part, found)
    draws = [
        draw(rows_of(place), share, stocks[share.dataset], seed=recipe.seed, gone=gone.ids)
        for place, share in enumerate(shares)
    ]
    given = [Counter[str]() for _ in draws]
    keys = _keys(rows_of, recipe.seed, draws, gone.ids, given)
    bounds = boundaries(keys, _shard_rows(list(found.versions)))
    if not any(counted["rows"] for counted in given):
        raise BadInput(
            f"The recipe {recipe.name} asks for fewer tokens than any row that it would draw first has."
        )
    return {
        "draws": [asdict(made) for made in draws],
        "gone": asdict(part.write("tmp/gone", GONE, gone.pairs.to_batches())) if len(gone) else None,
        "bounds": bounds,
        "shares": [asdict(share) for share in weighed(list(map(_counted, shares, given)))],
    }


def _watched(part: Part, found: Pool) -> Callable[[int], Iterator[Measured]]:
    """The rows of each component as the pool has them, of which the part tells: to draw and to order all are read."""
    done, total = 0, 2 * sum(version.rows for version in found.versions)

    def rows_of(place: int) -> Iterator[Measured]:
        nonlocal done
        for rows in found.rows(place):
            yield rows
            part.progress(done := done + len(rows.ids), total)

    return rows_of


def _keys(
    rows_of: Callable[[int], Iterator[Measured]],
    seed: int,
    draws: list[Draw],
    gone: IdSet,
    given: list[Counter[str]],
) -> Iterator[npt.NDArray[np.uint64]]:
    """The order keys of all chosen rows; on the way `given` learns how many rows and tokens each component gave."""
    for place, made in enumerate(draws):
        for rows in rows_of(place):
            copies = made.copies(rows, gone)
            given[place].update(rows=int(copies.sum()), tokens=int((copies * rows.tokens).sum()))
            yield order_keys(seed, chosen_ids(rows.ids, copies))


def _counted(share: Share, given: Counter[str]) -> Share:
    """How many rows so many tokens are is known once they are drawn."""
    if share.tokens is None:
        return share
    return replace(share, rows=given["rows"], tokens=given["tokens"])


def _shard_rows(versions: list[Version]) -> int:
    """Fewer rows to a shard where rows are long: a shard is sorted in memory."""
    rows = sum(version.rows for version in versions) or 1
    mean = max(1, UNPACKED * sum(version.bytes for version in versions) // rows)
    return max(1_000, min(SHARD_ROWS, SHARD_BYTES // mean))


def component_shards(run: Run) -> Iterator[dict[str, Any]]:
    """Every shard, with what was measured of its rows where they fall into strata."""
    found = _pool(run)
    for number, (component, version) in enumerate(zip(found.recipe.components, found.versions, strict=True)):
        measures = found.measures[number] if component.strata else None
        beside = measures.shards() if measures else repeat(None)
        for shard, other in zip(version.shards(), beside, strict=False):
            told = {"measures": asdict(other)} if other else {}
            yield {"component": number, "shard": asdict(shard), **told}


def _choice(run: Run) -> tuple[dict[str, Any], int]:
    (choice,) = run.results(0)
    return choice, run.config["seed"]


def scatter(part: Part) -> dict[str, Any]:
    """The chosen rows of one input shard, a piece for each output shard that they go to, and what is left out of it."""
    choice, seed = _choice(part.run)
    shard, made = Shard(**part.spec["shard"]), Draw(**choice["draws"][part.spec["component"]])
    gone = _gone(part, choice)
    chosen, left_out, done = list[Scattered](), [], 0
    for batch, rows in _with_strata(part, shard):
        chosen.append(Scattered.of(batch, made.copies(rows, gone.ids), seed, choice["bounds"]))
        left_out.append(rows.ids.filter(pa.array(gone.ids.holds(rows.ids))))
        part.progress(done := done + batch.num_rows, 2 * shard.rows)
    written = {str(number): asdict(piece) for number, piece in _pieces(part, chosen, shard.rows)}
    return {"component": part.spec["component"], "pieces": written, **_told(part, left_out, gone)}


def _pieces(part: Part, chosen: list[Scattered], rows: int) -> Iterator[tuple[int, Shard]]:
    """One file at a time: there may be more output shards than files that a process can have open."""
    total, done = sum(len(one.target) for one in chosen), 0
    for number, batches in pieces(chosen):
        piece = part.write("tmp/pieces", SCHEMA, batches, number)
        yield number, piece
        done += piece.rows
        part.progress(rows + rows * done // total, 2 * rows)


def _gone(part: Part, choice: dict[str, Any]) -> Gone:
    if not choice["gone"]:
        return NOTHING
    return Gone.of(pa.Table.from_batches(part.store.batches([Shard(**choice["gone"])]), GONE))


def _with_strata(part: Part, shard: Shard) -> Iterator[tuple[pa.RecordBatch, Measured]]:
    """The rows of a shard, and in which stratum each is."""
    strata = load(Recipe, part.run.config).components[part.spec["component"]].strata
    stratum = np.zeros(shard.rows, np.int64)
    if "measures" in part.spec:
        with sheet(part.store, [Shard(**part.spec["measures"])]) as opened:
            stratum = np.concatenate([stratum[:0], *(rows.stratum for rows in measured(opened, strata))])
    done = 0
    for batch in part.store.batches([shard]):
        here = stratum[done : done + batch.num_rows]
        yield batch, Measured(batch.column("id"), here, np.zeros(batch.num_rows, np.int64))
        done += batch.num_rows


def _told(part: Part, left_out: list[pa.Array], gone: Gone) -> dict[str, Any]:
    """What is to be said of rows that are left out of the pool."""
    ids = pa.concat_arrays([pa.array([], pa.string()), *left_out])
    if not len(ids):
        return {}
    (duplicates,) = part.run.inputs_of(DUPLICATES)
    component = part.run.config["components"][part.spec["component"]]["dataset"]
    rows = [
        {
            "record_id": record,
            "reason": f"duplicate of {kept}, which the mixture can draw",
            "evidence": orjson.dumps(
                {"kept_id": kept, "duplicates": str(duplicates), "from": component}
            ).decode(),
        }
        for record, kept in zip(ids.to_pylist(), gone.kept_for(ids).to_pylist(), strict=True)
    ]
    return {"left_out": asdict(part.write("removed", REMOVED, [pa.RecordBatch.from_pylist(rows, REMOVED)]))}


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
    twice = sum(shard.rows for shard in shards["removed"])
    left_out = [Shard(**result["left_out"]) for result in run.results(1) if "left_out" in result]
    shards["removed"] = [shard for shard in [*shards["removed"], *left_out] if shard.rows]
    facts = {"rows": rows, "seed": seed, "shares": choice["shares"], "duplicates": twice}
    facts |= {"left_out": sum(shard.rows for shard in left_out), **_tokenizer(run)}
    part.publish("mixture", run.subject, Kind.MIXTURE, SCHEMA, shards["records"], facts=facts)
    part.publish("origins", f"{run.subject}-origins", Kind.ORIGINS, ORIGINS, shards["origins"])
    if shards["removed"]:
        part.publish("removed", f"{run.subject}-removed", Kind.REMOVED, REMOVED, shards["removed"])
    return facts


def _tokenizer(run: Run) -> dict[str, str]:
    """What tokens were counted by, and the sha256 of its file where a file counted them."""
    told = {"tokenizer": run.config["tokenizer"]}
    for one in run.inputs_of(MEASURES):
        if "sha256" in one.facts:
            told["tokenizer_sha256"] = one.facts["sha256"]
    return told


def summarise(run: Run) -> None:
    version = run.output("mixture")
    run.summary = {"mixture": run.subject, "version": str(version), **version.facts}
    Event.objects.record("mixed", version, project=run.project, by=run.user, rows=version.rows)


def mix_again(run: Run, renewed: jobs.Renewed, user: Any) -> Run:
    """The recipe as it is kept now; a number that it names becomes that of the newer version."""
    kept = Mixture.objects.get(project=run.project, name=run.subject).asked
    read = [*run.inputs_of("components"), *run.inputs_of(DUPLICATES)]
    return start_mix(run.project, kept.renumbered({str(one): str(renewed(one)) for one in read}), user=user)


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
        again=jobs.Again(("components", MEASURES, DUPLICATES), mix_again),
    )
)
