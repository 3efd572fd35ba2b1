"""What was made from removed rows is found through generations and versions, and passes no check."""

import pytest
from django.urls import reverse

from curation.engine.records import Content, Message, Record
from curation.gates import obstacles
from curation.models import Kind
from decontam.engine.apply import ApplyConfig
from decontam.questions.taint import offspring
from decontam.tasks import ScanConfig, start_apply, start_scan
from tests.conftest import record
from tests.populating import ended

ITEM = "how many litres of rain fall on a roof of forty square metres in one wet day"


def row(name, text, *parents):
    return Record(name, "written", Content((Message("user", text), Message("assistant", "Yes."))), parents)


@pytest.fixture
def quiz(version):
    return version("quiz", ITEM, kind=Kind.BENCHMARK)


@pytest.fixture
def web(version):
    return version("web", record("web", 0, f"So, {ITEM}?"), record("web", 1, "Tell me of tides."))


@pytest.fixture
def written(version, web):
    """Three generations: two rows of seeds, and one that was made from the first of these."""
    dirty, clean = (row["id"] for batch in web.batches(["id"]) for row in batch.to_pylist())
    seeds = version("seeds", row("s1", "About rain", dirty), row("s2", "About the sea", clean))
    return seeds, version("grown", row("g1", "About clouds", "s1"), row("g2", "About waves", "s2"))


def scanned(version, quiz, user):
    return ended(start_scan(version, [quiz], ScanConfig(), user=user))


def applied(scan, user):
    return ended(start_apply(scan, ApplyConfig(max_removed=1.0), user=user))


def test_rows_of_every_generation_are_listed(web, written, quiz, user):
    run = applied(scanned(web, quiz, user), user)
    seeds, grown = offspring(run.output("removed"))
    assert (str(seeds.version), list(seeds.rows)) == ("seeds@1", ["s1"])
    assert (str(grown.version), grown.rows) == ("grown@1", {"g1": "s1"})


def test_a_version_that_had_passed_fails_when_its_seeds_are_removed(project, web, written, quiz, user):
    seeds, _ = written
    scanned(seeds, quiz, user)
    assert obstacles(seeds, project) == []
    applied(scanned(web, quiz, user), user)
    (said,) = obstacles(seeds, project)
    assert "1 rows were made from rows that were removed from web@1" in said


def test_such_a_version_passes_when_its_scan_was_applied_and_not_before(project, web, written, quiz, user):
    applied(scanned(web, quiz, user), user)
    _, grown = written
    scan = scanned(grown, quiz, user)
    assert scan.summary["matches"] == 0
    assert "0 rows match 0 benchmarks; 1 rows were made from removed ones" in obstacles(grown, project)[0]
    run = applied(scan, user)
    assert (run.summary["removed"], run.summary["rows_tainted"]) == (1, 1)
    (reason,) = [r["reason"] for b in run.output("removed").batches() for r in b.to_pylist()]
    assert reason == "made from the removed row s1"
    assert obstacles(run.output("clean"), project) == []


def test_children_in_the_same_version_leave_with_their_parent(version, quiz, user, curator, client):
    both = version("both", row("p", f"So, {ITEM}?"), row("c", "About rain", "p"), row("d", "About tides"))
    scan = scanned(both, quiz, user)
    told = client.get(f"/api/v1/projects/default/scans/{scan.pk}/preview", {"max_removed": 1}).json()
    assert (told["removed"], told["tainted"], told["by_benchmark"]) == (2, 1, {"quiz": 1})
    assert [one["reason"][:26] for one in told["first"]] == [
        "made from the removed row ",
        "ngram match with quiz item",
    ]
    run = applied(scan, user)
    assert (run.summary["removed"], run.summary["rows_tainted"], run.summary["rows"]) == (2, 1, 1)


def test_pages_api_and_certificate_lead_to_them(web, written, quiz, user, curator, client):
    run = applied(scanned(web, quiz, user), user)
    address = reverse("taint", args=["default", "web-removed", 1])
    page = client.get(address).content.decode()
    assert "2 rows were made from removed rows" in page and "seeds@1" in page
    for place in (
        run.output("removed").get_absolute_url(),
        reverse("certificate", args=["default", run.checks.first().pk]),
    ):
        assert address in client.get(place, follow=True).content.decode()
    told = client.get("/api/v1/projects/default/removed/web-removed/1/offspring").json()
    assert [(one["version"], one["rows"]) for one in told] == [("seeds@1", 1), ("grown@1", 1)]
    assert client.get(reverse("taint", args=["default", "web", 1])).status_code == 404
