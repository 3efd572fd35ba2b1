"""A toy job: parts that count, and a last part that publishes how many there were."""

from dataclasses import dataclass
from datetime import timedelta

import pyarrow as pa
from django.utils import timezone

from curation import jobs
from curation.engine.errors import BadInput
from curation.models import Kind, Part

NUMBERS = pa.schema([pa.field("number", pa.int64())])


@dataclass(frozen=True)
class Count:
    parts: int = 3
    fail_at: int = -1


def count(part):
    config = part.config(Count)
    if part.index == config.fail_at:
        raise BadInput(f"Part {part.index} has no numbers")
    part.progress(0, 10)
    shard = part.write("tmp/numbers", NUMBERS, [pa.record_batch({"number": [part.index]}, schema=NUMBERS)])
    return {"path": shard.path}


def plan(run):
    return ({"at": i} for i in range(run.config["parts"]))


def total(part):
    shard = part.write(
        "numbers", NUMBERS, [pa.record_batch({"number": [len(part.run.results(0))]}, schema=NUMBERS)]
    )
    part.publish("numbers", "numbers", Kind.REJECTS, NUMBERS, [shard])


JOB = jobs.register(jobs.Job("count", (jobs.Stage("count", count, plan), jobs.Stage("total", total))))


def silence(part):
    Part.objects.filter(pk=part.pk).update(heartbeat=timezone.now() - timedelta(hours=1))
