"""Two scans beside each other, on their page and by a program."""

from dataclasses import replace

import pytest
from django.urls import reverse

from curation.models import Project
from decontam.engine.scan import ScanConfig
from decontam.tasks.scanning import start_scan
from tests.populating import LEAKED, ended, populate


@pytest.fixture
def both(project, user, tmp_path, curator):
    """A scan at the usual threshold, and one that asks for more of an item; the exact match is in both."""
    texts = [f"So {LEAKED}?", "how many legs does a healthy adult spider normally", "name a planet"]
    made = populate(project, user, tmp_path, chats=[*texts, "nothing", "else", "at all"])
    training, quiz = made.scan.input("training"), made.scan.inputs_of("benchmarks")
    usual, strict = (
        ended(start_scan(training, quiz, ScanConfig(threshold=share, profile="plain"), user=user))
        for share in (0.5, 0.9)
    )
    return replace(made, scan=usual), strict


def address(newer, older, project="default"):
    return reverse("scan-against", args=[project, newer.pk, older.pk])


def test_what_is_gone_is_listed_with_a_link_to_its_pair(client, both):
    made, stricter = both
    text = client.get(address(stricter, made.scan)).content.decode()
    assert "0 pairs are new, 1 are gone" in text
    gone = next(m for m in _matches(made.scan) if m["score"] < 0.9)
    assert f'{reverse("review", args=["default", made.scan.pk])}?seq={gone["seq"]}"' in text
    back = client.get(address(made.scan, stricter)).content.decode()
    assert "1 pairs are new, 0 are gone" in back
    assert (
        "No pair is like that"
        in client.get(address(made.scan, stricter), {"change": "gone"}).content.decode()
    )


def _matches(scan):
    return [row for batch in scan.output("matches").batches() for row in batch.to_pylist()]


def test_a_scan_against_itself_has_no_difference(client, both):
    made, _ = both
    assert "Both scans found the same" in client.get(address(made.scan, made.scan)).content.decode()


def test_the_report_leads_to_the_comparison(client, both):
    made, stricter = both
    for scan in (made.scan, stricter):
        text = client.get(reverse("scan", args=["default", scan.pk])).content.decode()
        assert address(stricter, made.scan) in text


def test_a_page_that_is_not_there_is_said(client, both):
    made, stricter = both
    response = client.get(address(stricter, made.scan), {"after": "7"})
    assert response.status_code == 422 and "There are 1 such pairs" in response.content.decode()


def test_a_scan_of_another_project_is_not_compared(client, both, curator):
    made, stricter = both
    theirs = Project.objects.create(name="theirs")
    curator.memberships.create(project=theirs, role="curator")
    assert client.get(address(stricter, made.scan, "theirs")).status_code == 404


def test_a_program_gets_the_same(client, both):
    made, stricter = both
    base = f"/api/v1/projects/default/scans/{stricter.pk}/against/{made.scan.pk}"
    told = client.get(base).json()
    assert told["counts"] == [
        {"benchmark": "quiz", "method": "exact", "gone": 0, "new": 0, "changed": 0, "same": 1},
        {"benchmark": "quiz", "method": "ngram", "gone": 1, "new": 0, "changed": 0, "same": 1},
    ]
    (line,) = told["items"]
    assert (line["change"], line["newer"], told["many"], told["next"]) == ("gone", None, 1, None)
    assert client.get(base, {"change": "new"}).json()["items"] == []
    assert client.get(base, {"change": "colour"}).status_code == 422
