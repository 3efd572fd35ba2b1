"""What only meaning found: it is told, it waits for a person, and no check fails for it."""

import json
import random
import zlib
from io import StringIO

import numpy as np
import pytest
from django.core.management import call_command
from django.urls import reverse

from curation.engine.errors import BadConfig, BadInput
from curation.models import Check, Kind, Run
from curation.questions.waiting import waiting
from decontam.engine.apply import ApplyConfig
from decontam.models import Policy, Ruling
from decontam.questions import reviews
from decontam.tasks import ScanConfig, start_apply, start_scan
from tests.populating import finished

LETTERS = "bdfgklmnprstvz"
WORDS = [
    f"{a}{v}{b}{w}{c}" for a in LETTERS[:5] for v in "ae" for b in LETTERS[5:9] for w in "io" for c in "nt"
]


class Anagrams:
    """Words by their letters: the same backwards."""

    name = "anagrams"

    def encode(self, texts):
        vectors = np.zeros((len(texts), 256), np.float32)
        for row, text in enumerate(texts):
            for word in text.split():
                vectors[row, zlib.crc32("".join(sorted(word)).encode()) % 256] += 1
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def prose(count, seed):
    chance = random.Random(seed)
    return [" ".join(chance.choices(WORDS, k=14)) for _ in range(count)]


ITEMS, CLEAN = prose(20, 1), prose(600, 2)
CONFIG = ScanConfig(encoder="minilm", false_alarms=0.004)
PARAPHRASE = " ".join(word[::-1] for word in ITEMS[3].split())


@pytest.fixture
def scan(version, monkeypatch, silent_bells):
    """Rows of which one is an item in other words, one an item as it is, and the rest unrelated."""
    monkeypatch.setattr("decontam.tasks.meaning.load_encoder", lambda name: Anagrams())
    monkeypatch.setattr("decontam.tasks.meaning._kept", {})
    training = version("chats", PARAPHRASE, ITEMS[5], *CLEAN)
    quiz = version("quiz", *ITEMS, kind=Kind.BENCHMARK)
    return finished(start_scan(training, [quiz], CONFIG))


def paraphrase(scan):
    """What is closest of what only meaning found; the rest are the false alarms that were allowed."""
    found = [one for one in reviews.page(scan).rows if one["found_by"] == ["semantic"]]
    assert len(found) == scan.summary["rows_close_in_meaning"]
    return max(found, key=lambda one: one["score"])


def test_a_paraphrase_is_listed_and_no_row_that_counts(scan):
    facts = scan.summary
    assert (facts["training_rows_hit"], facts["lines"][0]["items_hit"]) == (1, 1)
    assert 1 <= facts["rows_close_in_meaning"] <= 10
    text = reviews.pair(scan, paraphrase(scan))
    assert (text.training.text, text.item.text) == (PARAPHRASE, ITEMS[3])
    assert facts["methods"][-1] == "semantic" and facts["false_alarms"]["quiz"]["stated"] == 0.004


def test_the_check_fails_for_the_other_row_only(scan, user):
    literal = next(one for one in reviews.page(scan).rows if "ngram" in one["found_by"])
    Ruling.objects.rule(scan, [literal], "false alarm", by=user)
    again = finished(start_scan(scan.input("training"), scan.inputs_of("benchmarks"), CONFIG))
    (check,) = again.checks.all()
    assert check.status == "passed"
    close = scan.summary["rows_close_in_meaning"]
    assert check.summary.endswith(f"{close} rows are close in meaning and wait for a person")
    Ruling.objects.rule(again, [paraphrase(again)], "contaminated", by=user)
    third = finished(start_scan(scan.input("training"), scan.inputs_of("benchmarks"), CONFIG))
    assert third.checks.get().status == "failed"


def test_applying_keeps_it_unless_a_person_or_the_policy_says_otherwise(scan, user):
    close = scan.summary["rows_close_in_meaning"]
    first = finished(start_apply(scan, ApplyConfig(), user=user))
    assert (first.summary["removed"], first.summary["meaning_kept"]) == (1, close)
    assert first.checks.get(version=first.output("clean")).status == "passed"
    assert f"{close} matches close in meaning kept for a person" in first.checks.first().summary
    assert finished(start_apply(scan, ApplyConfig(meaning=True), user=user)).summary["removed"] == 1 + close
    Ruling.objects.rule(scan, [paraphrase(scan)], "contaminated", by=user)
    assert finished(start_apply(scan, ApplyConfig(), user=user)).summary["removed"] == 2


def test_the_policy_of_a_project_is_set_by_page_command_and_api(scan, curator, client, project):
    every = 1 + scan.summary["rows_close_in_meaning"]
    form = {"policy": "drop", "dev": "drop", "unseen": "drop", "source_above": 0.02, "max_removed": 0.5}
    client.post(reverse("policy-change", args=["default"]), form | {"meaning": "True"})
    assert Policy.objects.config(project).meaning is True
    assert reviews.preview(scan, Policy.objects.config(project)).removed == every
    page = client.get(reverse("apply-preview", args=["default", scan.pk]), form | {"meaning": "False"})
    assert "Close in meaning only, kept for a person" in page.content.decode()
    api = "/api/v1/projects/default/policy"
    assert client.put(api, {"meaning": False}, content_type="application/json").json()["meaning"] is False
    told = StringIO()
    call_command("apply", str(scan.pk), "--meaning", "--json", stdout=told)
    assert json.loads(told.getvalue().splitlines()[-1])["removed"] == every


def test_what_waits_is_named_on_the_pages(scan, curator, client, project):
    page = client.get(reverse("scan", args=["default", scan.pk])).content.decode()
    assert "Close in meaning only" in page and "Flagged in the held-out half" in page
    assert "calibrated on</dt><dd>its own rows</dd>" in page and "measured on rows of chats@1:" in page
    assert "exact, ngram, normalised, near, semantic" in page
    seq = paraphrase(scan)["seq"]
    pair = client.get(reverse("review-pair", args=["default", scan.pk, seq])).content.decode()
    assert "Close in meaning to the item; no words need be shared" in pair
    assert "of clean rows come as close to an item" in pair
    assert [one.count for one in waiting(project, curator) if "wait for a ruling" in one.what] == [
        1 + scan.summary["rows_close_in_meaning"]
    ]
    check = scan.checks.get()
    certificate = client.get(reverse("certificate", args=["default", check.pk])).content.decode()
    assert "Flagged in the held-out half" in certificate
    assert check.detail["false_alarms"]["quiz"]["rows"] > 100


def test_an_encoder_that_is_missing_is_told_on_every_page(version, monkeypatch, curator, client):
    def missing(name):
        raise BadConfig(f"The encoder {name} is not installed.")

    monkeypatch.setattr("decontam.tasks.meaning.load_encoder", missing)
    monkeypatch.setattr("decontam.tasks.meaning._kept", {})
    training, quiz = version("chats", ITEMS[5], *CLEAN), version("quiz", *ITEMS, kind=Kind.BENCHMARK)
    run = finished(start_scan(training, [quiz], CONFIG))
    assert "semantic" not in run.summary["methods"]
    for name, key in (("scan", run.pk), ("certificate", Check.objects.get().pk)):
        page = client.get(reverse(name, args=["default", key])).content.decode()
        assert "The semantic method did not see all rows:" in page
        assert "The encoder minilm is not installed." in page
    assert Run.objects.get(kind="scan").status == "done"


def test_a_source_that_leaked_whole_is_calibrated_on_another_one(
    version, monkeypatch, silent_bells, curator, client
):
    monkeypatch.setattr("decontam.tasks.meaning.load_encoder", lambda name: Anagrams())
    monkeypatch.setattr("decontam.tasks.meaning._kept", {})
    leaked = version("leaked", *(" ".join(word[::-1] for word in item.split()) for item in ITEMS))
    clean, quiz = version("clean", *CLEAN), version("quiz", *ITEMS, kind=Kind.BENCHMARK)
    alone = finished(start_scan(leaked, [quiz], CONFIG))
    assert "semantic" in alone.summary["left_out"]
    beside = finished(start_scan(leaked, [quiz], CONFIG, background=clean))
    assert beside.summary["rows_close_in_meaning"] == len(ITEMS)
    assert beside.summary["background"][0]["version"] == str(clean)
    page = client.get(reverse("scan", args=["default", beside.pk])).content.decode()
    assert "<dt>Meaning calibrated on</dt><dd>clean@1</dd>" in page and "measured on rows of clean@1:" in page
    assert "--background clean@1" in beside.checks.get().detail["recheck"]
    with pytest.raises(BadInput, match="no rows to calibrate on"):
        start_scan(leaked, [quiz], CONFIG, background=quiz)
