"""A new version of a benchmark is compared by what is new in it, and the result is that of a full scan."""

import pyarrow as pa
import pytest
from django.urls import reverse

from curation.engine.errors import Refused
from curation.models import Kind, Run
from decontam.engine.detecting import Detector
from decontam.engine.evidence import CAUSES, MATCHES
from decontam.tasks import ScanConfig, start_rescan, start_scan
from tests.conftest import record
from tests.populating import ended

PLAIN = ScanConfig(profile="plain")
ITEMS = [
    "how many litres of rain fall on a roof of forty square metres in one wet day",
    "which of the seven hills of the old town has no chapel and no well on it",
    "how often does the lamp of the northern lighthouse turn in a night of ten hours",
    "name a planet",
]
TEXTS = [
    f"So, {ITEMS[0]}? Tell me.",
    f"{ITEMS[1]} and {ITEMS[2]}",
    "Tell me of tides.",
    ITEMS[1],
    "NAME a planet!",
]


def items(*numbers):
    """The same questions under ids that follow their place in the file, as an import gives them."""
    return [record("quiz", f"row {place}", ITEMS[number]) for place, number in enumerate(numbers)]


@pytest.fixture
def web(version):
    return version("web", *TEXTS)


def table(scan, role):
    return pa.Table.from_batches(scan.output(role).batches(), {"matches": MATCHES, "causes": CAUSES}[role])


def same(one, other):
    for role in ("matches", "causes"):
        assert table(one, role).equals(table(other, role))
    facts = [{k: v for k, v in run.summary.items() if k != "lines"} for run in (one, other)]
    assert facts[0] == facts[1] and one.summary["lines"] == other.summary["lines"]


@pytest.mark.parametrize(
    ("before", "after"),
    [((0, 1), (2, 1, 0, 3)), ((0, 1, 2), (2,)), ((1, 1), (3, 1, 0, 1)), ((0, 3), (3, 0)), ((0,), (1, 2))],
)
def test_what_is_found_is_what_a_full_scan_finds(version, web, user, before, after):
    scan = ended(start_scan(web, [version("quiz", *items(*before), kind=Kind.BENCHMARK)], PLAIN, user=user))
    now = version("quiz", *items(*after), kind=Kind.BENCHMARK)
    again = ended(start_rescan(scan, [now], user=user))
    same(again, ended(start_scan(web, [now], PLAIN, user=user)))


def test_another_benchmark_is_compared_whole(version, web, user):
    scan = ended(start_scan(web, [version("quiz", *items(0), kind=Kind.BENCHMARK)], PLAIN, user=user))
    both = [
        version("quiz", *items(0, 1), kind=Kind.BENCHMARK),
        version("exam", *items(2), kind=Kind.BENCHMARK),
    ]
    same(ended(start_rescan(scan, both, user=user)), ended(start_scan(web, both, PLAIN, user=user)))


def test_only_what_is_new_is_looked_for(version, web, user, monkeypatch):
    scan = ended(start_scan(web, [version("quiz", *items(0, 1), kind=Kind.BENCHMARK)], PLAIN, user=user))
    version("quiz", *items(1, 0, 2), kind=Kind.BENCHMARK)
    looked_for = []
    build = Detector.build
    monkeypatch.setattr(
        Detector,
        "build",
        lambda texts, *how: looked_for.append(sum(map(len, texts.values()))) or build(texts, *how),
    )
    ended(start_rescan(scan, user=user))
    assert looked_for == [1, 3]  # for the rows, then for the counts of the whole


def test_nothing_new_reads_no_row(version, web, user):
    scan = ended(start_scan(web, [version("quiz", *items(0, 1), kind=Kind.BENCHMARK)], PLAIN, user=user))
    version("quiz", *items(0), kind=Kind.BENCHMARK)
    again = ended(start_rescan(scan, user=user))
    assert again.results(0) == [] and again.summary["rows_read"] == 5


def test_what_was_calibrated_for_all_items_together_is_scanned_whole(version, web, user):
    scan = ended(start_scan(web, [version("quiz", *items(0), kind=Kind.BENCHMARK)], PLAIN, user=user))
    matches = scan.output("matches")
    matches.facts["methods"] = ["ngram", "semantic"]
    matches.save()
    with pytest.raises(Refused, match="scan all of it again"):
        start_rescan(scan, user=user)


def test_by_default_the_same_pairs_are_found_and_old_ones_keep_their_judgement(version, web, user):
    first = version("quiz", *items(0, 1), kind=Kind.BENCHMARK)
    scan = ended(start_scan(web, [first], ScanConfig(), user=user))
    now = version("quiz", *items(2, 1, 0), kind=Kind.BENCHMARK)
    told = ["record_id", "item_fingerprint", "method", "found_by", "suppressed"]
    again, whole = (
        sorted(str(row) for row in table(run, "matches").select(told).to_pylist())
        for run in (
            ended(start_rescan(scan, [now], user=user)),
            ended(start_scan(web, [now], ScanConfig(), user=user)),
        )
    )
    assert again == whole and len(again) == 4


def test_pages_offer_it_where_only_a_benchmark_changed(version, web, user, curator, client):
    quiz = version("quiz", *items(0), kind=Kind.BENCHMARK)
    scan = ended(start_scan(web, [quiz], PLAIN, user=user))
    overlap = reverse("decontamination", args=["default"])
    assert "Scan what changed" not in client.get(overlap).content.decode()
    version("quiz", *items(0, 1), kind=Kind.BENCHMARK)
    assert "Scan what changed" in client.get(overlap).content.decode()
    started = client.post(reverse("rescan", args=["default", scan.pk]))
    run = Run.objects.filter(kind="scan").latest("pk")
    assert started.url == run.get_absolute_url()
    ended(run)
    assert "Scan what changed" not in client.get(overlap).content.decode()
    again = client.post(reverse("rescan-benchmark", args=["default", "quiz"]))
    assert again.status_code == 422 and "is outdated by quiz" in again.content.decode()
    version("quiz", *items(2), kind=Kind.BENCHMARK)
    assert client.post(reverse("rescan-benchmark", args=["default", "quiz"])).status_code == 302
    started = client.post(
        f"/api/v1/projects/default/scans/{run.pk}/rescan",
        {"benchmarks": ["quiz@1"]},
        content_type="application/json",
    )
    assert started.status_code == 202
