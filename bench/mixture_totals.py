"""
Totals of the mixture editor over ten sources and 2 M rows, beside the bare DuckDB query over the same shards.

    python bench/mixture_totals.py [--rows 2000000] [--sources 10]

Attributes are written as a profile run writes them, in a home of its own. Three recipes: fractions, weights that share
a token budget, and the same in strata. `first` counts what nobody asked about yet, `again` is what an editor waits for
after each keystroke; the bare query has an open connection and counts what the recipe needs: rows and tokens, by source
and stratum. Prints milliseconds and ratios within this run, and exits with 1 when a keystroke takes more than 300 ms.
"""

# ruff: noqa: E402 - Django has to be set up, in a home of its own, before anything of ours is imported
import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
HOME = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
os.environ |= {"WINNOW_HOME": HOME.name, "DJANGO_SETTINGS_MODULE": "config.settings"}
os.environ |= {"WINNOW_LOG_LEVEL": "ERROR"}

import django

django.setup()

import numpy as np
import pyarrow as pa
from django.core.management import call_command

from curation import jobs
from curation.engine.exploring import ATTRIBUTES
from curation.engine.mixing import Recipe
from curation.engine.store import SHARD_ROWS
from curation.models import Kind, Part, Project, Run, Version, store
from curation.questions.totals import Asked, totals
from curation.tasks.profiling import ProfileConfig

LIMIT_MS = 300
REPEATS = 5
TOPIC = pa.field("label.topic", pa.string())
SCHEMA = pa.schema([*ATTRIBUTES, TOPIC])
TOPICS = np.array(["rates", "ratios", "percent", "fractions"])


def attributes(source: int, first: int, count: int) -> pa.RecordBatch:
    """Rows of a profile: real ids, lengths and labels; the other columns are null."""
    chance = np.random.default_rng([source, first])
    words = chance.integers(0, 2**63, (count, 2))
    known = {
        "row": pa.array(np.arange(first, first + count)),
        "id": pa.array([f"{a:016x}{b:016x}" for a, b in words.tolist()]),
        "source": pa.array([f"source-{source}"] * count),
        "tokens": pa.array(chance.integers(20, 900, count)),
        "turns": pa.array(chance.integers(1, 9, count)),
        "label.topic": pa.array(TOPICS[chance.integers(0, 4, count)]),
    }
    columns = [known.get(field.name, pa.nulls(count, field.type)) for field in SCHEMA]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def write(part: Part) -> None:
    """A version of ids and its profile; totals read nothing else of the records."""
    run, rows = part.run, part.run.config["rows"]
    source = int(run.subject.rpartition("-")[2])
    shards = [
        part.write("records", SCHEMA, [attributes(source, at, min(SHARD_ROWS, rows - at))], at)
        for at in range(0, rows, SHARD_ROWS)
    ]
    part.publish("records", run.subject, Kind.RECORDS, SCHEMA, shards)


def profile(part: Part) -> None:
    version = part.run.input("records")
    shards = [
        part.write("profile", SCHEMA, part.store.batches([shard]), number)
        for number, shard in enumerate(version.shards())
    ]
    columns = [{"name": name, "mean": 460.0} for name in ("tokens", "chars")]
    facts = {"of": str(version), "rows": version.rows, "columns": columns}
    part.publish("profile", f"{part.run.subject}-profile", Kind.PROFILE, SCHEMA, shards, facts=facts)


def made(project: Project, name: str, rows: int) -> Version:
    """Through the only door, with jobs that write what the benchmark needs."""
    given = jobs.Job("given", (jobs.Stage("given", write),))
    jobs.JOBS["given"], jobs.JOBS["profile"] = given, jobs.Job("profile", (jobs.Stage("profile", profile),))
    run = jobs.start(given, project=project, config=ProfileConfig(), subject=name)
    Run.objects.filter(pk=run.pk).update(config={"rows": rows})
    jobs.work(run.pk)
    for later in Run.objects.active():
        jobs.work(later.pk)
    return run.output("records")


def recipes(names: list[str]) -> dict[str, Recipe]:
    strata = [{"by": "label.topic", "value": topic, "share": 0.2} for topic in TOPICS[:3].tolist()]
    weighted = [{"dataset": name, "weight": place + 1} for place, name in enumerate(names)]
    parts = {
        "fractions": ([{"dataset": name, "fraction": 0.5} for name in names], {}),
        "token budget": (weighted, {"tokens": 100_000_000}),
        "token budget, strata": ([one | {"strata": strata} for one in weighted], {"tokens": 100_000_000}),
    }
    return {
        said: Recipe.of({"name": "m", "seed": 1, "components": components, **whole})
        for said, (components, whole) in parts.items()
    }


def bare(files: list[str], stratum: bool) -> Callable[[], Any]:
    connection = store().query()
    by = ', "label.topic"' if stratum else ""
    query = f"SELECT source{by}, count(*), sum(tokens) FROM read_parquet(?) GROUP BY ALL"
    return lambda: connection.execute(query, [files]).fetchall()


def milliseconds(do: Callable[[], Any], repeats: int = REPEATS) -> float:
    taken = []
    for _ in range(repeats):
        begun = time.perf_counter()
        do()
        taken.append(1000 * (time.perf_counter() - begun))
    return statistics.median(taken)


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    arguments.add_argument("--rows", type=int, default=2_000_000)
    arguments.add_argument("--sources", type=int, default=10)
    asked = arguments.parse_args()
    call_command("migrate", verbosity=0)
    project = Project.objects.create(name="bench")
    names = [f"source-{number}" for number in range(asked.sources)]
    versions = [made(project, name, asked.rows // asked.sources) for name in names]
    profiles = [version.profile() for version in versions]
    files = [store().full(shard.path) for one in profiles if one for shard in one.shards()]
    slow = False
    print(f"{sum(v.rows for v in versions):,} rows of {len(versions)} sources")
    print(
        f"{'recipe':24}{'first ms':>10}{'again ms':>10}{'bare ms':>10}{'first / bare':>14}{'again / bare':>14}"
    )
    for said, recipe in recipes(names).items():
        ask = partial(totals, project, Asked.of(recipe))
        first, again = milliseconds(ask, 1), milliseconds(ask)
        alone = milliseconds(bare(files, "strata" in said))
        if not (found := ask()).sound:
            raise SystemExit(f"{said}: {found.error or [line.error for line in found.lines]}")
        slow |= again > LIMIT_MS
        print(
            f"{said:24}{first:>10.0f}{again:>10.0f}{alone:>10.0f}{first / alone:>14.2f}{again / alone:>14.2f}"
        )
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
