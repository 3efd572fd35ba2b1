"""The same work by a program: scan, look, rule, undo, preview, apply, certificate."""

import pytest

from curation.models import Run
from decontam.models import Ruling
from tests.populating import ended, populate

BASE = "/api/v1/projects/default"


@pytest.fixture
def made(project, user, tmp_path, curator):
    return populate(project, user, tmp_path)


def post(client, path, body=None):
    return client.post(f"{BASE}{path}", body or {}, content_type="application/json")


def test_a_scan_is_started_and_read(client, made):
    started = post(client, "/scans", {"training": "chats-clean", "benchmarks": ["quiz"]})
    assert started.status_code == 202
    run = Run.objects.get(pk=started.json()["run"])
    assert client.get(f"{BASE}/scans/{run.pk}").json()["review"] is None
    ended(run)
    told = client.get(f"{BASE}/scans/{run.pk}").json()
    assert (told["status"], told["summary"]["matches"], told["review"]["open"]) == ("done", 0, 0)


def test_matches_come_with_what_was_ruled(client, made):
    found = client.get(f"{BASE}/scans/{made.scan.pk}/matches").json()
    assert [(row["seq"], row["method"], bool(row["ruled"])) for row in found["items"]] == [
        (1, found["items"][0]["method"], True),
        (2, found["items"][1]["method"], False),
    ]
    only = client.get(f"{BASE}/scans/{made.scan.pk}/matches", {"open_only": "true"}).json()
    assert [row["seq"] for row in only["items"]] == [2]
    assert len(client.get(f"{BASE}/scans/{made.scan.pk}/causes").json()["items"]) == 2


def test_the_spans_of_a_pair_cut_out_what_both_texts_share(client, made):
    pair = client.get(f"{BASE}/scans/{made.scan.pk}/matches/1").json()
    cut = [
        " ".join(side["text"][start:end].lower() for start, end in side["spans"])
        for side in (pair["training"], pair["item"])
    ]
    assert cut[0] == cut[1] == "how many legs does a healthy adult spider normally have in all"


def test_matches_are_ruled_by_number_or_by_filter_and_taken_back(client, made):
    path = f"/scans/{made.scan.pk}/rulings"
    assert post(client, path, {"verdict": "false alarm", "seqs": [2]}).json() == {"ruled": 1, "run": None}
    undone = client.delete(f"{BASE}{path}/last").json()
    assert undone == {"seqs": [2], "kept": []}
    everything = {"verdict": "contaminated", "filter": {"open_only": True}, "reason": "all of it"}
    assert post(client, path, everything).json()["ruled"] == 1
    assert Ruling.objects.filter(verdict="contaminated").count() == 2
    both = post(client, path, {"verdict": "contaminated"})
    assert both.status_code == 422 and "either" in both.json()["detail"]


def test_the_preview_and_what_is_then_applied(client, made):
    told = client.get(f"{BASE}/scans/{made.scan.pk}/preview", {"policy": "ruled"}).json()
    assert (told["removed"], told["rows"], told["unruled_kept"]) == (1, 4, 1)
    started = post(client, f"/scans/{made.scan.pk}/apply", {"policy": "ruled"})
    assert ended(Run.objects.get(pk=started.json()["run"])).summary["removed"] == 1


def test_the_overlap_and_the_certificate_are_data(client, made):
    (cell,) = client.get(f"{BASE}/overlap").json()
    assert (cell["training"], cell["items_hit"], cell["over_line"]) == ("chats@1", 2, True)
    said = client.get(f"{BASE}/certificates/{made.check.pk}").json()
    assert said["status"] == "failed" and said["format"] == "winnow-certificate/1"


@pytest.mark.parametrize(
    ("method", "path", "body", "sentence"),
    [
        ("post", "/scans", {"training": "nobody", "benchmarks": ["quiz"]}, "There is no version nobody"),
        ("post", "/scans", {"training": "chats", "benchmarks": []}, "at least one benchmark"),
        ("post", "/scans", {"training": "chats", "benchmarks": ["quiz"], "n": 1}, "n must be from 3"),
        ("post", "/scans/{scan}/apply", {"max_removed": 7}, "above 0 and at most 1"),
        ("post", "/scans/{scan}/rulings", {"verdict": "perhaps", "seqs": [1]}, "There is no verdict"),
        ("post", "/scans/{scan}/rulings", {"verdict": "contaminated", "seqs": [99]}, "go from 1 to 2"),
    ],
)
def test_what_cannot_be_is_refused_with_the_sentence_of_the_pages(client, made, method, path, body, sentence):
    response = post(client, path.format(scan=made.scan.pk), body)
    assert response.status_code == 422 and sentence in response.json()["detail"]
