"""The most doubtful first, by method, and with or without what is suppressed: the same matches, in whatever order."""

import pytest
from django.urls import reverse

from curation.engine.errors import BadConfig
from decontam.engine import ledger as ledgers
from decontam.engine.apply import CONTAMINATED, FALSE_ALARM
from decontam.engine.credit import Credit
from decontam.models import Ruling
from decontam.questions import reviews
from decontam.questions.credits import credits_of
from decontam.questions.reviews import DESK, Filter
from tests.decontam.conftest import match
from tests.populating import populate

BY_DOUBT = Filter(order="doubt")


def seqs(page):
    return [row["seq"] for row in page.rows]


def everything(scan):
    return [row for batch in scan.output("matches").batches() for row in batch.to_pylist()]


def doubtful(scan, rule=lambda m: True):
    """The numbers in the order in which they are looked at, found the slow way."""
    return [m["seq"] for m in sorted(everything(scan), key=lambda m: (-m["doubt"], m["seq"])) if rule(m)]


@pytest.mark.parametrize("look", [ledgers.LARGEST_LOOK, 10])
@pytest.mark.parametrize(
    ("wanted", "rule"),
    [
        (BY_DOUBT, lambda m: True),
        (Filter(order="doubt", benchmark="quiz"), lambda m: m["benchmark"] == "quiz"),
        (Filter(order="doubt", cause="c3"), lambda m: m["cause"] == "c3"),
        (
            Filter(order="doubt", method="exact", lowest=0.7),
            lambda m: m["method"] == "exact" and m["score"] >= 0.7,
        ),
        (Filter(order="doubt", cause="nothing"), lambda m: False),
    ],
)
def test_pages_by_doubt_are_the_same_in_both_directions(thousand, wanted, rule, look, monkeypatch):
    monkeypatch.setattr(ledgers, "LARGEST_LOOK", look)
    expected = doubtful(thousand, rule)
    assert seqs(reviews.page(thousand, wanted, limit=1000)) == expected
    walked, page = [], reviews.page(thousand, wanted, limit=70)
    while page.next:
        walked, page = walked + seqs(page), reviews.page(thousand, wanted, after=page.next, limit=70)
    assert walked + seqs(page) == expected
    back = seqs(page)
    while page.previous:
        page = reviews.page(thousand, wanted, before=page.previous, limit=70)
        back = seqs(page) + back
    assert back == expected and reviews.many(thousand, wanted) == len(expected)


def test_the_next_and_the_last_open_match_follow_the_order(thousand, user):
    order = doubtful(thousand)
    Ruling.objects.rule(thousand, reviews.several(thousand, [order[0], order[2]]), CONTAMINATED, by=user)
    assert reviews.following(thousand, BY_DOUBT)["seq"] == order[1]
    assert reviews.following(thousand, BY_DOUBT, after=order[1])["seq"] == order[3]
    assert reviews.preceding(thousand, BY_DOUBT, before=order[3])["seq"] == order[1]
    assert reviews.preceding(thousand, BY_DOUBT, before=order[0]) is None
    assert reviews.following(thousand, BY_DOUBT, after=10**6) is None


def test_a_pair_counts_for_every_method_that_found_it(found):
    both = match("a", "1", cause="x") | {"found_by": ["ngram", "near"]}
    alone = match("b", "1", cause="y", method="near") | {"found_by": ["near"]}
    scan = found([both, alone, match("c", "2", cause="z")])
    rows = {
        name: [m["record_id"] for m in reviews.page(scan, wanted).rows] for name, wanted in FILTERS.items()
    }
    assert rows == {
        "near": ["a", "b"],
        "ngram": ["a", "c"],
        "only near": ["b"],
        "only ngram": ["c"],
        "exact": [],
    }
    assert credits_of(scan) == [Credit("ngram", 2, 2, 2, 1, 0), Credit("near", 2, 2, 1, 1, 0)]


def test_what_is_suppressed_is_counted_beside_what_a_method_found(found, user):
    dropped = match("b", "1", cause="y", suppressed="a stock phrase") | {"found_by": ["near", "ngram"]}
    scan = found([match("a", "1", cause="x"), dropped, match("c", "2", benchmark="exam")])
    assert credits_of(scan) == [Credit("ngram", 2, 2, 2, 2, 1), Credit("near", 0, 0, 0, 0, 1)]
    assert reviews.counted(scan) == {"quiz": (1, 1), "exam": (1, 0)}
    for one in credits_of(scan):
        assert reviews.many(scan, Filter(method=one.method, suppressed="no")) == one.matches
        assert reviews.many(scan, Filter(method=one.method, suppressed="yes")) == one.suppressed
    again = [m for m in everything(scan) if m["record_id"] == "b"]
    Ruling.objects.rule(scan, again, CONTAMINATED, by=user)
    assert credits_of(scan) == [Credit("ngram", 3, 3, 2, 2, 0), Credit("near", 1, 1, 1, 0, 0)]
    assert reviews.counted(scan) == {"quiz": (2, 0), "exam": (1, 0)}


FILTERS = {
    "near": Filter(method="near"),
    "ngram": Filter(method="ngram"),
    "only near": Filter(only="near"),
    "only ngram": Filter(only="ngram"),
    "exact": Filter(method="exact"),
}


def test_what_is_suppressed_waits_for_nobody_until_somebody_rules_on_it(found, user):
    phrase, single = "a stock phrase", "one character repeated"
    scan = found([match("a", "1"), match("b", "1", suppressed=phrase), match("c", "1", suppressed=phrase)])
    assert reviews.counts(scan) == reviews.Tally(3, 1, 1, 0, 0, suppressed=2)
    assert reviews.suppressions(scan) == {phrase: 2}
    assert [m["record_id"] for m in reviews.page(scan, DESK).rows] == ["a"]
    assert reviews.groups(scan).rows[0]["open"] == 1
    dropped = Filter(suppressed="yes", why=phrase)
    assert [m["record_id"] for m in reviews.page(scan, dropped).rows] == ["b", "c"]
    assert reviews.many(scan, Filter(why=single)) == 0
    again = [m for m in everything(scan) if m["record_id"] == "b"]
    Ruling.objects.rule(scan, again, CONTAMINATED, by=user)
    assert reviews.counts(scan) == reviews.Tally(3, 1, 1, 1, 0, suppressed=1)
    assert [m["record_id"] for m in reviews.page(scan, DESK).rows] == ["a", "b"]
    assert reviews.suppressions(scan) == {phrase: 1}
    Ruling.objects.rule(scan, again, FALSE_ALARM, by=user)
    assert reviews.counts(scan).false_alarms == 1


def test_a_desk_that_was_asked_for_everything_says_so_in_its_addresses():
    assert Filter.parse({}, DESK) == DESK and DESK.query(DESK) == {}
    both = Filter.parse({"suppressed": "", "order": "doubt"}, DESK)
    assert both == Filter(order="doubt") and both.query(DESK) == {"suppressed": "", "order": "doubt"}
    assert not DESK.narrows and Filter(only="near").narrows


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"only": "magic"}, "no method 'magic'"),
        ({"order": "score"}, "no order 'score'"),
        ({"suppressed": "maybe"}, "Suppressed is yes or no"),
    ],
)
def test_a_bad_filter_is_refused_with_a_sentence(wrong, said):
    with pytest.raises(BadConfig, match=said):
        Filter.parse(wrong)


def test_the_desk_keeps_the_order_from_pair_to_pair(client, project, user, tmp_path, curator):
    made = populate(project, user, tmp_path)
    said = {"order": "doubt", "method": "exact"}
    text = client.get(reverse("review", args=["default", made.scan.pk]), said).content.decode()
    assert "method=exact&amp;order=doubt&amp;to=following" in text
    response = client.post(
        f"{reverse('rule-match', args=['default', made.scan.pk, 2])}?order=doubt", {"verdict": "skip"}
    )
    assert "order=doubt" in response.url
    report = client.get(reverse("scan", args=["default", made.scan.pk])).content.decode()
    assert "Found by it alone" in report and "?method=exact&amp;suppressed=no" in report
