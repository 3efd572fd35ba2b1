import random

import pyarrow as pa
import pytest

from curation import jobs
from curation.models import Kind
from decontam.engine.evidence import CAUSES, MATCHES, SortedEvidence
from decontam.tasks import ScanConfig, start_scan
from tests.conftest import Nothing


@pytest.fixture
def scan(version):
    """Scan real texts: `scan({"quiz": [item, …]}, text, …)` is the finished run."""

    def make(benchmarks, *texts, name="chats"):
        training = version(name, *texts)
        against = [version(key, *items, kind=Kind.BENCHMARK) for key, items in benchmarks.items()]
        run = start_scan(training, against, ScanConfig(profile="plain"))
        jobs.work(run.pk)
        run.refresh_from_db()
        assert run.status == "done", run.error + run.traceback
        return run

    return make


def match(row, item, *, score=0.8, benchmark="quiz", cause="c", method="ngram", suppressed=None):
    """A row of evidence without a number; rows and items are known by short names."""
    return {
        "record_id": row,
        "row_fingerprint": f"f{row}",
        "turn": 0,
        "benchmark": benchmark,
        "item_id": item,
        "item_fingerprint": f"f{item}",
        "part": "prompt",
        "method": method,
        "score": score,
        "found_by": [method],
        "doubt": 1 - score,
        "cause": cause,
        "phrase": f"because of {cause}",
        "suppressed": suppressed,
    }


def some_matches(count, seed=1):
    """Matches of two benchmarks with causes of many sizes, in no order."""
    chance = random.Random(seed)
    made = [
        match(
            f"r{chance.randrange(count)}",
            f"i{n}",
            score=chance.randrange(51, 101) / 100,
            benchmark=chance.choice(["quiz", "exam"]),
            cause=f"c{min(int(chance.expovariate(0.3)), 20)}",
            method=chance.choice(["ngram", "ngram", "exact"]),
        )
        for n in range(count)
    ]
    chance.shuffle(made)
    return made


@pytest.fixture
def found(project):
    """A scan that found given matches, published in shards of 100 rows: `found(matches)` is the run."""

    def make(matches):
        def write(part):
            sorted_ = SortedEvidence([pa.RecordBatch.from_pylist(matches, MATCHES)])
            shards = [part.write("matches", MATCHES, [b], i) for i, b in enumerate(sorted_.batches(100))]
            causes = [part.write("causes", CAUSES, [b], i) for i, b in enumerate(sorted_.causes(100))]
            counts = sorted_.counts()
            lines = [{"benchmark": name, "matches": of.matches} for name, of in counts.items()]
            facts = {"matches": len(matches), "lines": lines, "training_rows_hit": sorted_.rows_hit()}
            sorted_.close()
            part.publish("matches", "chats-matches", Kind.MATCHES, MATCHES, shards, facts=facts)
            part.publish("causes", "chats-causes", Kind.CAUSES, CAUSES, causes)

        job = jobs.register(jobs.Job("found", (jobs.Stage("found", write),)))
        run = jobs.start(job, project=project, config=Nothing())
        jobs.work(run.pk)
        run.refresh_from_db()
        assert run.status == "done", run.error + run.traceback
        return run

    return make


@pytest.fixture
def thousand(found):
    return found(some_matches(1000))
