"""Profile a version: facts about every row, shard by shard, and what its columns hold."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from curation import jobs
from curation.engine.errors import Refused
from curation.engine.exploring import Note, attributes, chosen, describe, schema_with, seen, sheet
from curation.engine.store import Shard
from curation.models import Dataset, Kind, Part, Project, Run, Version

LONGEST_NAME = Dataset._meta.get_field("name").max_length or 0


@dataclass(frozen=True, slots=True)
class ProfileConfig:
    """There is nothing to choose: a profile follows from its version."""


def start_profile(version: Version, *, user: Any = None) -> Run:
    """Refused where the name of the profile stands for something else."""
    dataset, name = version.dataset, profile_name(version)
    if len(name) > LONGEST_NAME:
        raise Refused(f"A dataset cannot be called {name}: that is longer than {LONGEST_NAME} characters.")
    Dataset.objects.require_free(dataset.project, name, Kind.PROFILE)
    inputs = {"records": version}
    return jobs.start(
        PROFILE,
        project=dataset.project,
        config=ProfileConfig(),
        inputs=inputs,
        subject=dataset.name,
        user=user,
    )


def profile_name(version: Version) -> str:
    return f"{version.dataset.name}-profile"


def record_shards(run: Run) -> Iterator[dict[str, Any]]:
    """One part per shard, which knows the position of its first row."""
    first = 0
    for shard in run.input("records").shards():
        yield {"shard": asdict(shard), "first": first}
        first += shard.rows


def look(part: Part) -> dict[str, dict[str, int]]:
    """Which labels and notes a shard has."""
    return seen(batch for _, batch in _read(part, ["labels", "meta"]))


def write(part: Part) -> dict[str, Any]:
    """The attributes of one shard."""
    notes = _notes(part.run)
    made = (attributes(batch, first, notes) for first, batch in _read(part))
    return asdict(part.write("profile", schema_with(notes), made))


def _read(part: Part, columns: list[str] | None = None) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The rows of a part's shard, with the position of the first of each batch."""
    shard, done = Shard(**part.spec["shard"]), 0
    for batch in part.store.batches([shard], columns):
        yield part.spec["first"] + done, batch
        part.progress(done := done + batch.num_rows, shard.rows)


def _notes(run: Run) -> list[Note]:
    return chosen(run.results(0), run.input("records").rows)


def publish_profile(part: Part) -> dict[str, Any]:
    """Sum the columns up."""
    run, version = part.run, part.run.input("records")
    shards = [Shard(**result) for result in run.results(part.stage - 1)]
    with sheet(part.store, shards) as opened:
        columns = [column.as_json() for column in describe(opened, part.progress)]
    facts = {"of": str(version), "rows": version.rows, "columns": columns}
    part.publish(
        "profile", profile_name(version), Kind.PROFILE, schema_with(_notes(run)), shards, facts=facts
    )
    return {"columns": len(columns)}


def conclude(run: Run) -> None:
    """A version that is purged meanwhile gets no profile: with the project locked, one of the two comes first."""
    Project.objects.select_for_update(no_key=True).get(pk=run.project_id)
    version, profile = run.input("records"), run.output("profile")
    run.summary = {"version": str(profile), "of": str(version), "rows": version.rows}


PROFILE = jobs.register(
    jobs.Job(
        "profile",
        (
            jobs.Stage("look", look, record_shards),
            jobs.Stage("write", write, record_shards),
            jobs.Stage("publish", publish_profile),
        ),
        finish=conclude,
    )
)
jobs.follow((Kind.RECORDS, Kind.MIXTURE, Kind.BENCHMARK), start_profile)
