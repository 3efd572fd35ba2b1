"""Pages of a review, on scans whose matches are known."""

import pytest

from curation.engine.errors import BadConfig, BadInput
from decontam.engine import numbered
from decontam.engine.apply import CONTAMINATED, FALSE_ALARM
from decontam.models import Ruling
from decontam.questions import ledgers, reviews
from decontam.questions.reviews import ANY, Filter
from tests.decontam.conftest import match, some_matches


def seqs(page):
    return [row["seq"] for row in page.rows]


def everything(scan):
    return [row for batch in scan.output("matches").batches() for row in batch.to_pylist()]


# ---- by number


def test_a_match_is_found_by_its_number_in_whatever_shard_and_row_group(found, monkeypatch):
    monkeypatch.setattr("curation.engine.store.GROUP_ROWS", 30)
    scan = found(some_matches(250))
    assert [reviews.at(scan, seq) for seq in range(1, 251)] == everything(scan)
    assert reviews.several(scan, [1, 30, 31, 100, 101, 250]) == [
        everything(scan)[seq - 1] for seq in (1, 30, 31, 100, 101, 250)
    ]


@pytest.mark.parametrize("seq", [0, -1, 1001])
def test_a_number_that_is_not_there_is_named(thousand, seq):
    with pytest.raises(BadInput, match=f"no number {seq:,} here; numbers go from 1 to 1,000"):
        reviews.at(thousand, seq)


def test_a_page_reads_one_row_group_and_the_same_page_reads_none(thousand, monkeypatch):
    read = []
    monkeypatch.setattr(numbered, "_groups", numbered.Kept(4, 1 << 20))
    original = numbered.Numbered._read
    monkeypatch.setattr(numbered.Numbered, "_read", lambda *given: read.append(given[2]) or original(*given))
    assert seqs(reviews.page(thousand, after=510, limit=20)) == list(range(511, 531))
    assert reviews.at(thousand, 599)["seq"] == 599
    assert len(read) == 1


def test_what_is_kept_is_bounded_by_number_and_by_size():
    kept = numbered.Kept(2, 10)
    for key, size in (("a", 4), ("b", 4), ("c", 4)):
        kept.put(key, key.upper(), size)
    assert [kept.get(key) for key in "abc"] == [None, "B", "C"]
    kept.put("d", "D", 9)
    assert [kept.get(key) for key in "bcd"] == [None, None, "D"]
    kept.put("e", "E", 11)
    assert kept.get("e") is None and kept.get("d") == "D"


# ---- pages


def test_pages_forward_and_backward_are_the_same_pages(thousand):
    forward, page = [], reviews.page(thousand, limit=150)
    assert page.previous is None
    while True:
        forward.append(seqs(page))
        if page.next is None:
            break
        page = reviews.page(thousand, after=page.next, limit=150)
    assert [seq for some in forward for seq in some] == list(range(1, 1001))
    backward = [seqs(page)]
    while page.previous is not None:
        page = reviews.page(thousand, before=page.previous, limit=150)
        backward.insert(0, seqs(page))
    assert [seq for some in backward for seq in some] == list(range(1, 1001)) and page.next == 150


@pytest.mark.parametrize(
    ("wanted", "rule"),
    [
        (Filter(benchmark="quiz"), lambda m: m["benchmark"] == "quiz"),
        (Filter(cause="c3"), lambda m: m["cause"] == "c3"),
        (Filter(cause="c3", benchmark="exam"), lambda m: (m["cause"], m["benchmark"]) == ("c3", "exam")),
        (Filter(method="exact"), lambda m: m["method"] == "exact"),
        (Filter(lowest=0.6, highest=0.8), lambda m: 0.6 <= m["score"] <= 0.8),
        (
            Filter(benchmark="quiz", method="ngram", highest=0.7),
            lambda m: m["benchmark"] == "quiz" and m["method"] == "ngram" and m["score"] <= 0.7,
        ),
        (Filter(cause="nothing"), lambda m: False),
        (Filter(benchmark="nothing"), lambda m: False),
    ],
)
def test_a_filter_lets_through_what_it_says_in_both_directions(thousand, wanted, rule):
    expected = [m["seq"] for m in everything(thousand) if rule(m)]
    assert seqs(reviews.page(thousand, wanted, limit=1000)) == expected
    assert seqs(reviews.page(thousand, wanted, before=1001, limit=1000)) == expected
    assert reviews.many(thousand, wanted) == len(expected)
    if len(expected) > 20:
        page = reviews.page(thousand, wanted, after=expected[9], limit=5)
        assert seqs(page) == expected[10:15]
        assert (page.previous, page.next) == (expected[10], expected[14])
        assert seqs(reviews.page(thousand, wanted, before=expected[10], limit=4)) == expected[6:10]
    groups = reviews.groups(thousand, wanted, limit=1000).rows
    assert sum(group["wanted"] for group in groups) == len(expected)


def test_a_scan_without_matches_has_empty_pages(found):
    scan = found([])
    assert reviews.page(scan) == reviews.groups(scan) == reviews.Page([], None, None)
    assert reviews.following(scan) is None
    assert reviews.counts(scan) == reviews.Tally(0, 0, 0, 0, 0)


# ---- filters


def test_a_filter_survives_its_query_string():
    wanted = Filter("quiz", "ngram", 0.5, 0.75, "c1", open_only=True)
    assert Filter.parse(wanted.query()) == wanted
    assert Filter.parse({"after": "9", "benchmark": "", "verdict": "false-alarm"}).verdict == FALSE_ALARM
    assert ANY.query() == {} and Filter.parse({}) == ANY


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"method": "magic"}, "no method 'magic'"),
        ({"verdict": "perhaps"}, "no verdict 'perhaps'"),
        ({"lowest": "much"}, "'much' is not a score"),
        ({"lowest": "nan"}, "'nan' is not a score"),
        ({"highest": "1.5"}, "Scores go from 0 to 1"),
        ({"lowest": "0.9", "highest": "0.1"}, "the lowest first"),
        ({"open_only": "maybe"}, "open_only is 1 or 0"),
        ({"open_only": "1", "verdict": "contaminated"}, "nobody ruled has no verdict"),
    ],
)
def test_a_bad_filter_is_refused_with_a_sentence(wrong, said):
    with pytest.raises(BadConfig, match=said):
        Filter.parse(wrong)


# ---- rulings


def test_the_next_match_is_the_next_that_nobody_ruled(thousand, user):
    Ruling.objects.rule(thousand, reviews.several(thousand, range(1, 301)), CONTAMINATED, by=user)
    assert reviews.following(thousand)["seq"] == 301
    Ruling.objects.rule(thousand, [reviews.at(thousand, 302)], FALSE_ALARM, by=user)
    assert reviews.following(thousand, after=301)["seq"] == 303
    assert reviews.preceding(thousand, before=303)["seq"] == 301
    assert reviews.preceding(thousand, before=301) is None and reviews.preceding(thousand, before=1) is None
    assert reviews.following(thousand, after=1000) is None
    cleared = Filter(verdict=FALSE_ALARM)
    assert reviews.following(thousand, cleared)["seq"] == 302 == seqs(reviews.page(thousand, cleared))[0]
    assert seqs(reviews.page(thousand, Filter(open_only=True), limit=2)) == [301, 303]


def test_a_pair_that_matches_twice_is_ruled_twice(found, user):
    twice = match("a", "1") | {"turn": 2}
    scan = found([match("a", "1"), twice, match("b", "1")])
    reviews.counts(scan)
    Ruling.objects.rule(scan, [reviews.at(scan, 1)], CONTAMINATED, by=user)
    assert reviews.counts(scan) == reviews.Tally(matches=3, rows=2, open=1, contaminated=2, false_alarms=0)
    assert sorted(reviews.rulings_of(scan, everything(scan))) == [1, 2]


def test_counts_follow_every_act_and_its_undoing(thousand, user):
    assert reviews.counts(thousand).open == 1000
    Ruling.objects.rule(thousand, reviews.several(thousand, range(1, 11)), CONTAMINATED, by=user)
    Ruling.objects.rule(thousand, reviews.several(thousand, [3, 4]), FALSE_ALARM, by=user)
    tally = reviews.counts(thousand)
    assert (tally.open, tally.contaminated, tally.false_alarms) == (990, 8, 2)
    Ruling.objects.undo(thousand, by=user)
    assert reviews.counts(thousand).contaminated == 10
    Ruling.objects.undo(thousand, by=user)
    assert reviews.counts(thousand).open == 1000


def test_a_ledger_that_is_read_anew_says_the_same_as_one_that_followed(thousand, user, monkeypatch):
    reviews.counts(thousand)
    for first, verdict in ((1, CONTAMINATED), (5, FALSE_ALARM), (9, CONTAMINATED)):
        Ruling.objects.rule(thousand, reviews.several(thousand, range(first, first + 8)), verdict, by=user)
    Ruling.objects.undo(thousand, by=user)
    followed = reviews.ledger(thousand).states.copy()
    monkeypatch.setattr(ledgers, "_ledgers", numbered.Kept(2, 1 << 30))
    assert (reviews.ledger(thousand).states == followed).all() and followed.sum() == 4 + 2 * 8


def test_a_ruling_of_another_scan_on_the_same_pair_counts_here_too(found, user):
    one, other = found([match("a", "1"), match("b", "1")]), found([match("b", "1", cause="other")])
    assert reviews.counts(other).open == 1
    Ruling.objects.rule(one, reviews.several(one, [1, 2]), CONTAMINATED, by=user)
    assert reviews.counts(other).contaminated == 1
    assert reviews.rulings_of(other, [reviews.at(other, 1)])[1].verdict == CONTAMINATED


def test_who_ruled_what_and_when_is_one_query(thousand, user, django_assert_num_queries):
    matches = reviews.page(thousand).rows
    Ruling.objects.rule(thousand, matches[:3], FALSE_ALARM, by=user, reason="a stock phrase")
    with django_assert_num_queries(1):
        ruled = reviews.rulings_of(thousand, matches)
    assert {matches[0]["seq"], matches[1]["seq"], matches[2]["seq"]} <= set(ruled)
    one = ruled[matches[0]["seq"]]
    assert (one.verdict, one.by, one.reason) == (FALSE_ALARM, "shell", "a stock phrase")


def test_the_next_match_costs_a_constant_number_of_queries(thousand, user, django_assert_max_num_queries):
    reviews.following(thousand)
    Ruling.objects.rule(thousand, reviews.several(thousand, range(1, 400)), CONTAMINATED, by=user)
    reviews.following(thousand)
    Ruling.objects.rule(thousand, [reviews.at(thousand, 400)], CONTAMINATED, by=user)
    with django_assert_max_num_queries(7):
        assert reviews.following(thousand, after=400)["seq"] == 401


# ---- causes


def test_causes_say_how_many_of_each_are_open(found, user):
    scan = found([match(f"r{n}", "1", cause="big") for n in range(5)] + [match("r9", "2", cause="small")])
    Ruling.objects.rule(scan, reviews.several(scan, [1, 2, 6]), CONTAMINATED, by=user)
    big, small = reviews.groups(scan).rows
    assert (big["group"], big["cause"], big["first_seq"], big["last_seq"], big["open"]) == (1, "big", 1, 5, 3)
    assert (small["cause"], small["open"], small["matches"], small["phrase"]) == (
        "small",
        0,
        1,
        "because of small",
    )
    (still,) = reviews.groups(scan, Filter(open_only=True)).rows
    assert (still["cause"], still["wanted"]) == ("big", 3)


def test_groups_are_paged_by_their_number(thousand):
    every = reviews.groups(thousand, limit=1000).rows
    assert [group["group"] for group in every] == list(range(1, len(every) + 1))
    page, walked = reviews.groups(thousand, limit=7), []
    while page.next:
        walked += page.rows
        page = reviews.groups(thousand, after=page.next, limit=7)
    assert walked + page.rows == every
    exam = reviews.groups(thousand, Filter(benchmark="exam"), limit=100).rows
    quiz = reviews.groups(thousand, Filter(benchmark="quiz"), limit=100).rows
    assert exam + quiz == every and sum(group["matches"] for group in every) == 1000


def test_a_scan_from_before_there_were_causes_says_so(found):
    scan = found([match("a", "1")])
    scan.outputs.filter(role="causes").update(role="other")
    with pytest.raises(BadInput, match="has no causes; scan again"):
        reviews.groups(scan)
