"""What people rule, what takes it back, and what rules on very many matches."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model

from curation import jobs
from curation.engine.errors import BadConfig, BadInput, Refused
from curation.models import Event
from decontam.engine.apply import CONTAMINATED, FALSE_ALARM
from decontam.models import Act, Ruling
from decontam.questions import reviews
from decontam.questions.reviews import Filter
from decontam.tasks import rule_all, ruling, start_ruling
from tests.decontam.conftest import match, some_matches


@pytest.fixture
def other(db):
    return get_user_model().objects.create(username="other")


@pytest.fixture
def three(found):
    return found([match(row, "1") for row in "abc"])


def rule(scan, seqs, verdict, by, reason=""):
    return Ruling.objects.rule(scan, reviews.several(scan, seqs), verdict, by=by, reason=reason)


def ruled(scan):
    """Verdicts by number."""
    every = reviews.rulings_of(scan, reviews.page(scan, limit=1000).rows)
    return {seq: one.verdict for seq, one in sorted(every.items())}


def test_undoing_a_first_ruling_leaves_none(three, user):
    rule(three, [1, 2], CONTAMINATED, user)
    undone = Ruling.objects.undo(three, by=user)
    assert (undone.seqs, undone.kept, ruled(three)) == ([1, 2], [], {})
    assert undone.said == "The ruling on 2 matches was taken back."


def test_undoing_a_replacement_brings_back_who_ruled_what_when_and_why(three, user, other):
    rule(three, [1], FALSE_ALARM, other, "a stock phrase")
    when = datetime(2026, 11, 20, 12, 40, 1, 234567, tzinfo=UTC)
    Ruling.objects.update(at=when)
    rule(three, [1, 2], CONTAMINATED, user)
    Ruling.objects.undo(three, by=user)
    one = reviews.rulings_of(three, reviews.several(three, [1, 2]))
    assert one == {1: reviews.Ruled(FALSE_ALARM, "other", when, "a stock phrase")}


def test_undoing_again_walks_further_back_until_nothing_is_left(three, user):
    rule(three, [1], CONTAMINATED, user)
    rule(three, [2], FALSE_ALARM, user)
    rule(three, [2], CONTAMINATED, user)
    assert Ruling.objects.undo(three, by=user).seqs == [2] and ruled(three) == {
        1: CONTAMINATED,
        2: FALSE_ALARM,
    }
    assert Ruling.objects.undo(three, by=user).seqs == [2] and ruled(three) == {1: CONTAMINATED}
    rule(three, [3], FALSE_ALARM, user)
    assert Ruling.objects.undo(three, by=user).seqs == [3]
    assert Ruling.objects.undo(three, by=user).seqs == [1] and ruled(three) == {}
    with pytest.raises(BadInput, match="nothing left to undo"):
        Ruling.objects.undo(three, by=user)


def test_everybody_undoes_their_own_acts_on_this_scan(found, three, user, other):
    elsewhere = found([match("z", "9")])
    rule(three, [1], CONTAMINATED, user)
    rule(three, [2], CONTAMINATED, other)
    rule(elsewhere, [1], CONTAMINATED, user)
    assert Ruling.objects.undo(three, by=user).seqs == [1]
    assert ruled(three) == {2: CONTAMINATED} and ruled(elsewhere) == {1: CONTAMINATED}


def test_what_somebody_ruled_since_is_not_undone(three, user, other):
    rule(three, [1, 2], CONTAMINATED, user)
    rule(three, [2], FALSE_ALARM, other)
    undone = Ruling.objects.undo(three, by=user)
    assert (undone.seqs, undone.kept, ruled(three)) == ([1], [2], {2: FALSE_ALARM})
    assert undone.said.endswith("1 were ruled on again since and stay as they are.")


def test_a_ruling_that_was_taken_back_does_not_come_back(three, user, other):
    rule(three, [1], CONTAMINATED, user)
    rule(three, [1], FALSE_ALARM, other)
    assert Ruling.objects.undo(three, by=user).kept == [1]
    assert Ruling.objects.undo(three, by=other).seqs == [1]
    assert ruled(three) == {}


def test_an_act_on_too_many_pairs_is_not_undone(found, user, monkeypatch):
    monkeypatch.setattr(Act, "UNDOABLE", 2)
    scan = found([match(row, "1") for row in "abc"])
    rule(scan, [1, 2, 3], CONTAMINATED, user)
    with pytest.raises(Refused, match="ruled on 3 pairs at once, and at most 2 are undone"):
        Ruling.objects.undo(scan, by=user)
    assert len(ruled(scan)) == 3 and reviews.counts(scan).contaminated == 3


def test_ruling_and_undoing_are_in_the_audit_log(three, user):
    rule(three, [1, 2], CONTAMINATED, user, "seen before")
    Ruling.objects.undo(three, by=user)
    unruled, said = Event.objects.filter(verb__in=["ruled", "unruled"])
    assert said.detail == {
        "verdict": CONTAMINATED,
        "pairs": 2,
        "seqs": [1, 2],
        "reason": "seen before",
    }
    assert unruled.detail == {"verdict": CONTAMINATED, "pairs": 2, "seqs": [1, 2]}


def test_an_unknown_verdict_is_refused_and_no_matches_are_no_act(three, user):
    with pytest.raises(BadConfig, match="no verdict 'maybe'; choose contaminated or false alarm"):
        rule(three, [1], "maybe", user)
    assert rule(three, [], CONTAMINATED, user) == 0 and not Act.objects.exists()


# ---- very many


def test_few_matches_are_ruled_at_once(three, user):
    assert rule_all(three, Filter(cause="c"), CONTAMINATED, by=user) == 3
    with pytest.raises(BadInput, match="has no such matches"):
        rule_all(three, Filter(open_only=True), CONTAMINATED, by=user)


def test_many_matches_are_ruled_by_a_run(found, user, monkeypatch):
    monkeypatch.setattr(Act, "UNDOABLE", 100)
    monkeypatch.setattr(ruling, "GROUP_ROWS", 150)
    scan = found(some_matches(1000))
    wanted = Filter(benchmark="quiz", method="ngram")
    expected = {m["seq"]: FALSE_ALARM for m in reviews.page(scan, wanted, limit=1000).rows}
    run = rule_all(scan, wanted, FALSE_ALARM, by=user, reason="boilerplate")
    jobs.work(run.pk)
    run.refresh_from_db()
    assert (run.status, run.summary["ruled"], run.summary["verdict"]) == (
        "done",
        len(expected),
        FALSE_ALARM,
    )
    assert set(ruled(scan)) >= set(expected)
    assert reviews.counts(scan).open == 1000 - len(ruled(scan))
    assert Act.objects.count() == -(-len(expected) // 150)


def test_ruling_goes_on_where_it_was_stopped(found, user, monkeypatch):
    monkeypatch.setattr(ruling, "GROUP_ROWS", 40)
    scan = found(some_matches(100))
    run = start_ruling(scan, Filter(open_only=True), CONTAMINATED, user=user)
    original, calls = reviews.chosen, []

    def stop_at_the_second(*given, **named):
        calls.append(named["after"])
        if len(calls) == 2:
            run.pause(by=user)
        return original(*given, **named)

    monkeypatch.setattr(ruling, "chosen", stop_at_the_second)
    jobs.work(run.pk)
    assert run.parts.get().checkpoint["seq"] == calls[1] and 40 <= len(ruled(scan)) < 80
    jobs.resume(run, by=user)
    jobs.work(run.pk)
    assert reviews.counts(scan).open == 0 and run.parts.get().status == "done"


def test_the_config_of_a_ruling_checks_itself():
    with pytest.raises(BadConfig, match="no verdict"):
        ruling.RulingConfig(1, "maybe")
    with pytest.raises(BadConfig, match="no method"):
        ruling.RulingConfig(1, CONTAMINATED, wanted={"method": "magic"})
