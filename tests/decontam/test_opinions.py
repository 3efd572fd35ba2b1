"""Two people who rule on the same pair: both verdicts are kept, the last one counts, and undoing is exact for both."""

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.urls import reverse

from curation.engine.errors import BadConfig
from decontam.engine.apply import CONTAMINATED, FALSE_ALARM
from decontam.models import Act, Opinion, Ruling
from decontam.questions import ledgers, reviews
from decontam.questions.agreements import agreement_of, opinions_of
from decontam.questions.reviews import Filter
from tests.decontam.conftest import match
from tests.populating import populate


@pytest.fixture
def other(db):
    return get_user_model().objects.create(username="other")


@pytest.fixture
def four(found):
    return found([match(row, "1") for row in "abcd"])


def rule(scan, seqs, verdict, by):
    return Ruling.objects.rule(scan, reviews.several(scan, seqs), verdict, by=by)


def said(by):
    return {one.row_fingerprint[1:]: one.verdict for one in Opinion.objects.filter(by=by).order_by("pk")}


def second(scan, by):
    return [row["seq"] for row in reviews.page(scan, Filter(second=True, reader=by.pk)).rows]


def test_what_each_said_is_kept_and_the_last_ruling_counts(four, user, other):
    rule(four, [1, 2], CONTAMINATED, user)
    rule(four, [2, 3], FALSE_ALARM, other)
    assert said(user) == {"a": CONTAMINATED, "b": CONTAMINATED}
    assert said(other) == {"b": FALSE_ALARM, "c": FALSE_ALARM}
    assert Ruling.objects.get(row_fingerprint="fb").by == other
    rule(four, [2], FALSE_ALARM, user)
    assert said(user)["b"] == FALSE_ALARM and Opinion.objects.count() == 4


def test_undoing_brings_back_what_its_maker_said_before_and_nobody_else(four, user, other):
    rule(four, [1, 2], CONTAMINATED, user)
    rule(four, [1], FALSE_ALARM, user)
    rule(four, [1], FALSE_ALARM, other)
    Ruling.objects.undo(four, by=user)
    assert said(user) == {"a": CONTAMINATED, "b": CONTAMINATED}
    assert said(other) == {"a": FALSE_ALARM}
    assert Ruling.objects.get(row_fingerprint="fa").by == other
    Ruling.objects.undo(four, by=user)
    Ruling.objects.undo(four, by=other)
    assert not Opinion.objects.exists() and not Ruling.objects.exists()


def test_an_opinion_that_was_taken_back_elsewhere_does_not_come_back(found, four, user):
    twin = found([match("a", "1")])
    rule(four, [1], CONTAMINATED, user)
    rule(twin, [1], FALSE_ALARM, user)
    Ruling.objects.undo(four, by=user)
    assert said(user) == {"a": FALSE_ALARM}
    Ruling.objects.undo(twin, by=user)
    assert said(user) == {}


def test_an_act_on_very_many_pairs_is_an_opinion_on_each(four, user, monkeypatch):
    monkeypatch.setattr(Act, "UNDOABLE", 2)
    agreement_of(four)
    rule(four, [1, 2, 3, 4], CONTAMINATED, user)
    assert len(said(user)) == 4 and second(four, user) == []


def test_a_second_look_is_at_what_others_ruled_and_the_reader_did_not(four, user, other):
    rule(four, [1, 2, 3], CONTAMINATED, user)
    assert second(four, other) == [1, 2, 3] and second(four, user) == []
    look = Filter(second=True, reader=other.pk)
    assert reviews.following(four, look)["seq"] == 1
    rule(four, [1], CONTAMINATED, other)
    rule(four, [2, 4], FALSE_ALARM, other)
    assert second(four, other) == [3] and second(four, user) == [4]
    Ruling.objects.undo(four, by=other)
    assert second(four, other) == [2, 3] and second(four, user) == []


def test_agreement_is_over_pairs_that_two_people_ruled(found, user, other):
    twice = match("a", "1") | {"turn": 2}
    scan = found([match("a", "1"), twice, *(match(row, "1") for row in "bcd")])
    assert agreement_of(scan).pairs == 0
    rule(scan, [1, 3, 4], CONTAMINATED, user)
    rule(scan, [1, 5], CONTAMINATED, other)
    rule(scan, [3], FALSE_ALARM, other)
    agreement = agreement_of(scan)
    assert (agreement.pairs, agreement.agreed, agreement.disputed) == (2, 1, 1)
    (between,) = agreement.between
    assert (between.pairs, between.agreed, between.kappa) == (2, 1, 0.0)
    (disputed,) = reviews.page(scan, Filter(disputed=True)).rows
    assert disputed["record_id"] == "b"
    told = opinions_of(scan, [disputed])[disputed["seq"]]
    assert [(one.by, one.verdict) for one in told] == [(user, CONTAMINATED), (other, FALSE_ALARM)]


def test_a_ledger_that_is_read_anew_knows_what_everybody_said(four, user, other, monkeypatch):
    agreement_of(four)
    rule(four, [1, 2], CONTAMINATED, user)
    rule(four, [2, 3], FALSE_ALARM, other)
    Ruling.objects.undo(four, by=user)
    followed = {by: codes.tolist() for by, codes in ledgers.ledger(four, people=True).people.items()}
    monkeypatch.setattr(ledgers, "_ledgers", type(ledgers._ledgers)(2, 1 << 30))
    anew = {by: codes.tolist() for by, codes in ledgers.ledger(four, people=True).people.items()}
    assert anew[other.pk] == followed[other.pk] == [0, 2, 2, 0] and not any(followed[user.pk])


@pytest.mark.parametrize("wrong", [{"open_only": True}, {"verdict": CONTAMINATED}, {"disputed": True}])
def test_a_second_look_does_not_tell_what_was_said_by_its_filter(wrong):
    with pytest.raises(BadConfig, match="second look is at what others ruled"):
        Filter(second=True, **wrong)


def test_the_reader_is_never_read_from_an_address():
    assert Filter.parse({"reader": "7", "second": "1"}) == Filter(second=True)
    assert Filter(second=True, reader=7).query() == {"second": "1"}


def test_rulings_from_before_there_were_opinions_become_what_their_makers_said(four, user, other):
    rule(four, [1], CONTAMINATED, user)
    rule(four, [1, 2], FALSE_ALARM, user)
    expected = list(Opinion.objects.values_list("row_fingerprint", "by", "verdict", "at", "act"))
    changes = [act.changes for act in Act.objects.order_by("pk")]
    Opinion.objects.all().delete()
    for act in Act.objects.all():
        act.changes = [change[:4] for change in act.changes]
        act.save()
    import_module("decontam.migrations.0003_opinions_and_rules").what_was_said(apps, None)
    assert list(Opinion.objects.values_list("row_fingerprint", "by", "verdict", "at", "act")) == expected
    assert [act.changes for act in Act.objects.order_by("pk")] == changes


# ---- pages


def test_the_first_verdict_is_hidden_until_the_second_is_given(client, project, user, tmp_path, curator):
    made = populate(project, user, tmp_path)
    Ruling.objects.filter(by=user).update(reason="so very literal")
    desk = reverse("review", args=["default", made.scan.pk])
    text = client.get(desk, {"second": "1"}).content.decode()
    assert "A second look" in text and "so very literal" not in text and 'data-seq="1"' in text
    fragment = reverse("review-pair", args=["default", made.scan.pk, 1])
    assert "so very literal" not in client.get(fragment, {"second": "1"}).content.decode()
    table = client.get(reverse("matches", args=["default", made.scan.pk]), {"second": "1"}).content.decode()
    assert "ruled by somebody else" in table and "contaminated</td>" not in table
    rows = client.get(f"/api/v1/projects/default/scans/{made.scan.pk}/matches", {"second": "true"}).json()
    assert [(row["seq"], row["ruled"]) for row in rows["items"]] == [(1, None)]
    answer = client.post(
        f"{reverse('rule-match', args=['default', made.scan.pk, 1])}?second=1", {"verdict": "false alarm"}
    )
    assert "second=1" in answer.url
    assert "There is no pair here that somebody else ruled" in client.get(answer.url).content.decode()
    assert "false alarm" in client.get(f"{desk}?second=1&seq=1").content.decode()


def test_the_page_tells_who_agrees_with_whom_and_on_what_not(client, project, user, tmp_path, curator):
    made = populate(project, user, tmp_path)
    address = reverse("agreement", args=["default", made.scan.pk])
    assert "No pair was ruled by two people yet" in client.get(address).content.decode()
    rule(made.scan, [1], FALSE_ALARM, curator)
    text = client.get(address).content.decode()
    assert "0 of 1 pairs" in text and "shell: contaminated" in text and "curator-1: false alarm" in text
    assert "?disputed=1&amp;seq=1" in text
    report = client.get(reverse("scan", args=["default", made.scan.pk])).content.decode()
    assert "who agree on 0.0 % of them" in report
    told = client.get(f"/api/v1/projects/default/scans/{made.scan.pk}/agreement").json()
    assert told["between"] == [
        {"first": "shell", "second": "curator-1", "pairs": 1, "agreed": 0, "kappa": 0.0}
    ]
