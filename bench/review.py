"""
How fast are the pages of a review, wherever they are, and how much is "rule and next" above a view that does nothing?

    python bench/review.py [--matches 3000000] [--repeats 100]

Makes a scan with that many matches in a home of its own: evidence through the engine's own sorting, training rows and
benchmark items whose spans are right. Prints milliseconds (legs taken in turns) and ratios within this run,
and exits with 1 when a bar or a check fails. "Rule and next" is one ruling, the next open match and both of its texts:
at the pace of a reader, who takes 50 ms so that the next row was found ahead, and without a breath.
"""

# ruff: noqa: E402 - Django has to be set up, in a home of its own, before anything of ours is imported
import argparse
import os
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
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
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path, reverse

from config.urls import urlpatterns as pages
from curation import jobs
from curation.engine.records import SCHEMA, Content, Message, Record, record_id, to_batch
from curation.engine.store import GROUP_ROWS, SHARD_ROWS
from curation.models import Kind, Part, Project, Run, shell_user
from decontam.engine.apply import CONTAMINATED, ApplyConfig
from decontam.engine.evidence import CAUSES, MATCHES, SortedEvidence
from decontam.engine.rules import RuleConfig
from decontam.models import Rule, Ruling
from decontam.questions import reviews
from decontam.questions.credits import credits_of
from decontam.questions.differing import difference_of
from decontam.questions.proposals import propose
from decontam.questions.reviews import Filter
from decontam.tasks import ScanConfig

ITEMS, ROWS, SEED, BLOCK, THINKING = 5_000, 200_000, 20_241_122, 50_000, 0.05
WORDS = [f"w{n}" for n in range(2_000)]


def bare(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


urlpatterns = [*pages, path("bare/", bare)]


# ---- a scan


def item_text(item: int) -> str:
    return " ".join(random.Random(item).choices(WORDS, k=30))


def records(count: int, text: Callable[[int], str], source: str) -> Iterator[pa.RecordBatch]:
    answer = Message("assistant", "It is so, for the reasons that were given above. " * 12)
    for first in range(0, count, GROUP_ROWS):
        numbers = range(first, min(first + GROUP_ROWS, count))
        yield to_batch(
            [
                Record(record_id(source, str(n)), source, Content((Message("user", text(n)), answer)))
                for n in numbers
            ]
        )


def shards(
    part: Part, name: str, schema: pa.Schema, batches: Iterator[pa.RecordBatch], size: int
) -> list[Any]:
    """Shards of `size` batches."""
    made, stream = [], iter(batches)
    while (first := next(stream, None)) is not None:
        some = [first, *islice(stream, size - 1)]
        made.append(part.write(name, schema, some, len(made)))
    return made


def training(part: Part) -> None:
    """Every row quotes one item after a few words of its own."""
    rows = records(ROWS, lambda n: f"Row {n:06}: {item_text(n % ITEMS)}", "chats")
    part.publish("records", "chats", Kind.RECORDS, SCHEMA, shards(part, "records", SCHEMA, rows, 10))


def benchmark(part: Part) -> None:
    items = records(ITEMS, item_text, "quiz")
    part.publish("records", "quiz", Kind.BENCHMARK, SCHEMA, shards(part, "records", SCHEMA, items, 10))


def evidence(count: int) -> Iterator[pa.RecordBatch]:
    """Match n is row n modulo the rows with its item; a few causes explain much of it, as they do in practice."""
    rows = np.array([record_id("chats", str(n)) for n in range(ROWS)])
    items = np.array([record_id("quiz", str(n)) for n in range(ITEMS)])
    length = np.array([len(item_text(n)) for n in range(ITEMS)])
    chance = np.random.default_rng(SEED)
    for first in range(0, count, BLOCK):
        n = np.arange(first, min(first + BLOCK, count))
        row, turn = n % ROWS, np.zeros(len(n), np.int64)
        item, cause = row % ITEMS, chance.zipf(1.3, len(n)) % 50_000
        spans = ((np.full(len(n), 12), 12 + length[item]), (turn, length[item]))
        columns = {
            "seq": pa.nulls(len(n), pa.int64()),
            "record_id": rows[row],
            "row_fingerprint": np.char.mod("%032x", n * 2_654_435_761),
            "turn": turn,
            "benchmark": np.full(len(n), "quiz"),
            "item_id": items[item],
            "item_fingerprint": items[item],
            "part": np.full(len(n), "prompt"),
            "share": np.ones(len(n)),
            "bits": np.full(len(n), 60.0),
            "method": np.where(cause % 5, "ngram", "exact"),
            "score": np.round(chance.uniform(0.5, 1, len(n)), 4),
            "found_by": found_by(cause),
            "doubt": np.round(chance.beta(1, 4, len(n)), 4),
            "train_spans": spans_of(*spans[0]),
            "item_spans": spans_of(*spans[1]),
            "cause": np.char.mod("%016x", cause),
            "phrase": np.char.mod("a phrase that many rows share, number %d, and so on and so forth", cause),
            "suppressed": pa.array(np.where(chance.random(len(n)) < 0.1, "a stock phrase", ""), pa.string()),
        }
        table = pa.table({field.name: columns[field.name] for field in MATCHES}).cast(MATCHES)
        yield from table.combine_chunks().to_batches()


def found_by(cause: np.ndarray) -> pa.Array:
    """One method, or every other time two."""
    lists = pa.array([["exact"], ["ngram"], ["ngram", "near"]], MATCHES.field("found_by").type)
    return lists.take(pa.array(np.where(cause % 5, 1 + cause % 2, 0)))


def spans_of(start: np.ndarray, end: np.ndarray) -> pa.ListArray:
    ends = pa.array(np.arange(len(start) + 1, dtype=np.int32))
    return pa.ListArray.from_arrays(ends, pa.StructArray.from_arrays([start, end], names=["start", "end"]))


def found(count: int) -> Callable[[Part], None]:
    def settle(part: Part) -> None:
        begin = time.perf_counter()
        sorted_ = SortedEvidence(evidence(count))
        matches = [part.write("matches", MATCHES, [b], i) for i, b in enumerate(sorted_.batches(SHARD_ROWS))]
        between = time.perf_counter()
        causes = [part.write("causes", CAUSES, [b], i) for i, b in enumerate(sorted_.causes(SHARD_ROWS))]
        lines = [
            {"benchmark": name, "matches": one.matches, "items_hit": one.items_hit, "rows_hit": one.rows_hit}
            for name, one in sorted_.counts().items()
        ]
        facts = {"matches": count, "lines": lines, "training_rows_hit": sorted_.rows_hit()}
        sorted_.close()
        part.publish("matches", "chats-matches", Kind.MATCHES, MATCHES, matches, facts=facts)
        part.publish("causes", "chats-causes", Kind.CAUSES, CAUSES, causes)
        print(
            f"{count:,} matches made, sorted and written in {between - begin:.0f} s, "
            f"{sum(shard.rows for shard in causes):,} causes grouped in {time.perf_counter() - between:.1f} s"
        )

    return settle


def carried_out(project: Project, kind: str, work: Callable[[Part], None], **inputs: Any) -> Run:
    job = jobs.register(jobs.Job(kind, (jobs.Stage(kind, work),)))
    run = jobs.start(job, project=project, config=ScanConfig(), inputs=inputs, subject="chats")
    jobs.work(run.pk)
    run = Run.objects.select_related("project").get(pk=run.pk)
    if run.status != Run.Status.DONE:
        raise SystemExit(f"{run.error}\n{run.traceback}")
    return run


def scanned(project: Project, count: int) -> Run:
    jobs._send = lambda *_: None  # nobody listens for bells here
    chats = carried_out(project, "given", training).output("records")
    quiz = carried_out(project, "given", benchmark).output("records")
    run = carried_out(project, "scan", found(count), training=chats, benchmarks=quiz)
    Run.objects.filter(pk=run.pk).update(summary=run.output("matches").facts)
    return Run.objects.select_related("project").get(pk=run.pk)


# ---- what is measured


@dataclass(frozen=True)
class Times:
    """Milliseconds: the median, and what nine in ten took longer than, which neighbours on the machine disturb less."""

    median: float
    quick: float


def measured(
    legs: dict[str, Callable[[], Any]], repeats: int, thinking: dict[str, float]
) -> dict[str, Times]:
    """Times of each, taken in turns so that a noisy minute hits all alike; one turn warms up."""
    taken: dict[str, list[float]] = {name: [] for name in legs}
    for turn in range(repeats + 1):
        for name, leg in legs.items():
            time.sleep(thinking.get(name, 0))
            begin = time.perf_counter()
            leg()
            if turn:
                taken[name].append(1000 * (time.perf_counter() - begin))
    return {
        name: Times(statistics.median(times), statistics.quantiles(times, n=10)[0])
        for name, times in taken.items()
    }


class Reader:
    """Rules on one match after the other, through the services that a page calls."""

    def __init__(self, scan: Run, by: Any, after: int) -> None:
        self.pk, self.by = scan.pk, by
        self.match = reviews.following(scan, after=after)

    def __call__(self) -> None:
        scan = Run.objects.select_related("project").get(pk=self.pk)
        Ruling.objects.rule(scan, [self.match], CONTAMINATED, by=self.by)
        self.match = reviews.following(scan, after=self.match["seq"])
        pair = reviews.pair(scan, self.match)
        reviews.look_ahead(scan, reviews.following(scan, after=self.match["seq"]))
        start, end = pair.training.spans[0]
        assert pair.training.text[start:end] == pair.item.text


class Desk:
    """The same through the page `rule-match`: a script posts a verdict and gets the next pair as a fragment."""

    def __init__(self, scan: Run, client: Client, after: int) -> None:
        self.scan, self.client, self.seq = scan, client, after

    def __call__(self) -> None:
        self.seq += 1
        url = reverse("rule-match", args=[self.scan.project.name, self.scan.pk, self.seq])
        answer = self.client.post(url, {"verdict": CONTAMINATED}, headers={"HX-Request": "true"})
        assert answer.status_code == 200, re.sub(r"<[^>]*>|\s+", " ", answer.content.decode())


class Report:
    """Prints lines and remembers whether a bar failed."""

    def __init__(self) -> None:
        self.failed = False

    def bar(self, name: str, value: str, passed: bool) -> None:
        self.failed |= not passed
        print(f"  {'pass' if passed else 'FAIL'}  {name}: {value}")


def table(title: str, times: dict[str, Times], unit: str) -> None:
    print(f"\n{title}\n{'':58}{'median':>9}{'quick':>9}{'ratio':>9}")
    for name, taken in times.items():
        ratio = taken.quick / times[unit].quick
        print(f"{name:58}{taken.median:>9.2f}{taken.quick:>9.2f}{ratio:>8.1f}×")


def once(label: str, leg: Callable[[], Any]) -> Any:
    begin = time.perf_counter()
    answer = leg()
    print(f"{label:58}{1000 * (time.perf_counter() - begin):>9.0f}")
    return answer


def cold(scan: Run) -> None:
    print(f"\n{'Once per process, or per change':58}{'ms':>9}")
    once("the ledger of rulings is made", lambda: reviews.counts(scan))
    once("what each method found", lambda: credits_of(scan))
    once("the scan against itself", lambda: difference_of(scan, scan))
    config = RuleConfig("phrase", "number 7 and so on")
    once("what a rule about a phrase would clear", lambda: propose(scan, config))
    rule = Rule.objects.make(scan.project, config, by=shell_user())
    scan = Run.objects.select_related("project").get(pk=scan.pk)
    once("the rule is laid over the ledger", lambda: reviews.counts(scan))
    once("the preview of applying under the rule", lambda: reviews.preview(scan, ApplyConfig()))
    rule.turn(active=False, by=shell_user())
    scan = Run.objects.select_related("project").get(pk=scan.pk)
    once("the preview of applying", lambda: reviews.preview(scan, ApplyConfig()))
    once("the same preview again", lambda: reviews.preview(scan, ApplyConfig()))


def places(scan: Run, count: int, repeats: int, report: Report) -> None:
    """Pages of 50 at random places near the beginning, in the middle and near the end."""
    chance, spread = random.Random(SEED), max(1, count // 10)
    starts = {"beginning": 0, "middle": (count - spread) // 2, "end": count - spread - 50}

    def leg(first: int, wanted: Filter) -> Callable[[], Any]:
        return lambda: reviews.page(scan, wanted, after=first + chance.randrange(spread), limit=50)

    legs = {f"page of 50, {name}": leg(first, reviews.ANY) for name, first in starts.items()}
    exact = Filter(method="exact", highest=0.9, open_only=True)
    legs |= {f"page of 50 under a filter, {name}": leg(first, exact) for name, first in starts.items()}
    line, doubtful = reviews.ledger(scan).doubtful, replace(reviews.DESK, order="doubt")
    near = replace(doubtful, method="near")

    def by_doubt(first: int, wanted: Filter) -> Callable[[], Any]:
        return lambda: reviews.page(
            scan, wanted, after=int(line[first + chance.randrange(spread)]) + 1, limit=50
        )

    legs |= {f"page of 50 by doubt, {name}": by_doubt(first, doubtful) for name, first in starts.items()}
    legs["page of 50 by doubt under a filter, middle"] = by_doubt(starts["middle"], near)
    legs["the next open match by doubt, middle"] = lambda: reviews.following(
        scan, doubtful, after=chance.randrange(count)
    )
    legs["causes, first page of 50 open ones"] = lambda: reviews.groups(scan, Filter(open_only=True))
    legs["the next open match, middle"] = lambda: reviews.following(scan, after=count // 2)
    legs["counts"] = lambda: reviews.counts(scan)
    times = measured(legs, repeats, {})
    first = "page of 50, beginning"
    table(f"{count:,} matches, at random places", times, first)
    print()
    for kind in ("page of 50", "page of 50 under a filter", "page of 50 by doubt"):
        near, *others = (times[f"{kind}, {name}"].median for name in starts)
        slope = max(others) / near
        report.bar(
            f"{kind} costs the same everywhere (worst beside the beginning)", f"{slope:.2f}×", slope <= 1.5
        )


def rule_and_next(scan: Run, count: int, repeats: int, report: Report) -> None:
    by = get_user_model().objects.create_superuser("reader")
    client = Client()
    client.force_login(by, backend="django.contrib.auth.backends.ModelBackend")
    calm, hasty = "rule and next, services, reader of 50 ms", "rule and next, services, without a breath"
    plain, page = "bare view", "rule and next, page rule-match, reader of 50 ms"
    legs: dict[str, Callable[[], Any]] = {
        plain: lambda: client.get("/bare/"),
        calm: Reader(scan, by, count // 3),
        hasty: Reader(scan, by, count // 2),
        page: Desk(scan, client, 2 * count // 3),
    }
    times = measured(legs, repeats, {plain: THINKING, calm: THINKING, page: THINKING})
    table("Rule and next beside a view that does nothing, through the same middleware", times, plain)
    print()
    extra = times[calm].quick / times[plain].quick
    report.bar("what rule and next does costs no more than five bare views", f"{extra:.1f}×", extra <= 5)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--matches", type=int, default=3_000_000)
    parser.add_argument("--repeats", type=int, default=100)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    project, report = Project.objects.create(name="bench"), Report()
    scan = scanned(project, options.matches)
    cold(scan)
    with override_settings(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["testserver"]):
        places(scan, options.matches, options.repeats, report)
        rule_and_next(scan, options.matches, options.repeats, report)
    return int(report.failed)


if __name__ == "__main__":
    sys.exit(main())
