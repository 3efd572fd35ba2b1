"""Ruling in the browser: the desk, one key per ruling, undo, causes at once, and what applying would come to."""

import json

import pytest
from django.urls import reverse

from curation.models import Event, Project, Run
from decontam.engine.scan import ScanConfig
from decontam.models import Act, Ruling
from decontam.tasks.scanning import start_scan
from tests.populating import LEAKED, ended, populate

HOSTILE = f"<script>alert(1)</script> {LEAKED} \u202e<img src=x onerror=alert(2)>"
SCRIPT = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def made(project, user, tmp_path, curator):
    return populate(project, user, tmp_path)


@pytest.fixture
def url(made):
    def url(name, *args, scan=made.scan.pk):
        return reverse(name, args=["default", scan, *args])

    return url


def ruled():
    return dict(Ruling.objects.values_list("row_fingerprint", "verdict"))


def test_the_first_open_pair_lies_on_the_desk_with_its_evidence_marked(client, url):
    text = client.get(url("review")).content.decode()
    assert 'data-seq="2"' in text  # the first is ruled
    assert "<mark>NAME a planet!</mark>" in text or "<mark>NAME a planet</mark>" in text
    assert '<b data-tally="open">1</b> of 2 matches' in text


def test_any_pair_is_reached_by_its_number(client, url):
    text = client.get(url("review"), {"seq": 1}).content.decode()
    assert f"So <mark>{LEAKED.upper()}</mark>? I forgot." in text
    assert "Every word of the item is quoted" in text
    assert "word for word" in text and "shell" in text  # why it was ruled, and by whom


def test_a_form_rules_and_goes_on_to_the_next_pair(client, url, curator):
    response = client.post(url("rule-match", 2), {"verdict": "false alarm", "reason": "a stock phrase"})
    assert response.url == url("review")
    ruling = Ruling.objects.get(by=curator)
    assert (ruling.verdict, ruling.reason) == ("false alarm", "a stock phrase")
    assert "Nothing is left to rule here" in client.get(response.url).content.decode()


def test_a_script_gets_the_pair_after_the_one_that_it_shows(client, url):
    response = client.post(url("rule-match", 1), {"verdict": "contaminated", "shown": 2}, **SCRIPT)
    text = response.content.decode()
    assert json.loads(response.headers["X-Tally"])["open"] == 1 and "Nothing is left to rule here" in text
    assert "<html" not in text


def test_undo_puts_the_pair_back_on_the_desk(client, url, made):
    client.post(url("rule-match", 2), {"verdict": "contaminated"})
    assert len(ruled()) == 2
    response = client.post(url("undo-ruling"), **SCRIPT)
    assert 'data-seq="2"' in response.content.decode() and len(ruled()) == 1
    again = client.post(url("undo-ruling"), **SCRIPT)
    assert again.status_code == 422
    assert again.content.decode().startswith("There is nothing left to undo")
    assert list(Event.objects.filter(verb__in=("ruled", "unruled")).order_by("pk").values_list("verb")) == [
        ("ruled",),
        ("ruled",),
        ("unruled",),
    ]


def test_a_ruling_that_was_there_before_comes_back(client, url, made):
    client.post(url("rule-match", 1), {"verdict": "false alarm"})
    client.post(url("undo-ruling"))
    ruling = Ruling.objects.get()
    assert (ruling.verdict, ruling.by.get_username(), ruling.reason) == (
        "contaminated",
        "shell",
        "word for word",
    )


def test_skipping_rules_nothing(client, url):
    assert client.post(url("rule-match", 2), {"verdict": "skip"}).status_code == 302
    assert len(ruled()) == 1


def test_a_cause_is_ruled_at_once_and_taken_back_at_once(client, url, made):
    said = {"benchmark": "quiz", "open_only": "1", "ruling": "false alarm", "reason": "a stock phrase"}
    assert client.post(url("rule-many"), said).status_code == 302
    assert sorted(ruled().values()) == ["contaminated", "false alarm"]
    client.post(url("undo-ruling"))
    assert list(ruled().values()) == ["contaminated"]


def test_very_many_are_ruled_by_a_run(client, url, monkeypatch):
    monkeypatch.setattr(Act, "UNDOABLE", 0)
    response = client.post(url("rule-many"), {"benchmark": "quiz", "ruling": "contaminated"})
    assert response.url == Run.objects.get(kind="rule").get_absolute_url()


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"method": "guessing"}, "There is no method"),
        ({"lowest": "x"}, "from 0 to 1"),
        ({"lowest": "0.9", "highest": "0.1"}, "Scores go from 0 to 1"),
        ({"seq": "99"}, "go from 1 to 2"),
    ],
)
def test_a_filter_that_cannot_be_meant_is_answered_with_a_sentence(client, url, query, sentence):
    response = client.get(url("review"), query)
    assert response.status_code == 422 and sentence in response.content.decode()


def test_a_wrong_verdict_is_refused(client, url):
    response = client.post(url("rule-match", 2), {"verdict": "perhaps"})
    assert response.status_code == 422 and "There is no verdict" in response.content.decode()


def test_the_table_tells_who_ruled_what(client, url):
    text = client.get(url("matches")).content.decode()
    assert "2 matches, 1 to rule" in text and text.count("contaminated</td>") == 1
    assert "shell" in text
    filtered = client.get(url("matches"), {"method": "exact"}).content.decode()
    assert "<td>exact, normalised</td>" in filtered and "<td>ngram" not in filtered


def test_the_preview_says_what_would_go_and_applying_makes_it_so(client, url, made):
    client.post(url("rule-match", 2), {"verdict": "false alarm"})
    assert "1 of 4 rows would go" in client.get(url("apply-preview")).content.decode()
    ruled_only = client.get(url("apply-preview"), {"policy": "ruled", "max_removed": "0.1"}).content.decode()
    assert "The retention guard would stop this" in ruled_only
    run = Run.objects.filter(kind="apply").latest("pk")
    response = client.post(url("apply"), {"policy": "drop", "max_removed": "0.5"})
    started = Run.objects.filter(kind="apply").latest("pk")
    assert started != run and response.url == started.get_absolute_url()


def test_a_policy_that_does_not_exist_is_said_beside_what_was_typed(client, url):
    response = client.post(url("apply"), {"policy": "burn", "max_removed": "7"})
    assert response.status_code == 422 and "Select a valid choice" in response.content.decode()


def test_hostile_text_stays_text_on_every_page_that_shows_it(client, project, user, tmp_path, curator):
    made = populate(project, user, tmp_path, chats=[HOSTILE, "one", "two"], items=[HOSTILE, "a", "b"])
    for name in ("review", "matches", "apply-preview", "scan"):
        text = client.get(reverse(name, args=["default", made.scan.pk]), {"seq": 1}).content.decode()
        assert "<script>alert" not in text and "<img src=x" not in text


@pytest.mark.parametrize("name", ["review", "matches", "apply-preview"])
def test_a_scan_of_another_project_is_not_there(client, made, curator, name):
    theirs = Project.objects.create(name="theirs")
    curator.memberships.create(project=theirs, role="curator")
    assert client.get(reverse(name, args=["theirs", made.scan.pk])).status_code == 404


def test_the_desk_takes_a_constant_number_of_queries(client, url, django_assert_max_num_queries):
    client.get(url("review"))
    with django_assert_max_num_queries(32):
        client.get(url("review"))
    with django_assert_max_num_queries(28):
        client.post(url("rule-match", 2), {"verdict": "contaminated"}, **SCRIPT)


def test_where_nothing_is_left_the_scans_that_wait_come_next(client, url, made, user):
    quiz = made.project.datasets.get(name="quiz").newest()
    again = ended(start_scan(made.scan.input("training"), [quiz], ScanConfig(), user=user))
    client.post(url("rule-match", 2), {"verdict": "contaminated"})
    text = client.get(url("review")).content.decode()
    assert reverse("review", args=["default", again.pk]) in text and "chats, 2 rows" in text
