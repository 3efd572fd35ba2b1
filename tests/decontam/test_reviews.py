"""Pages of a review, on scans whose matches are known."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.engine.errors import BadConfig, BadInput
from curation.engine.records import Completion, Content, Message, Record, record_id, to_batch
from curation.engine.units import joined
from curation.models import Run
from decontam.engine import numbered
from decontam.engine.actions import Action
from decontam.engine.apply import CONTAMINATED, FALSE_ALARM, ApplyConfig, decide
from decontam.engine.preview import COLUMNS, LOOKED_AT, VERDICTS
from decontam.engine.preview import preview as foresee
from decontam.models import Ruling
from decontam.questions import ledgers, reviews
from decontam.questions.reviews import ANY, Filter
from tests.decontam.conftest import match, some_matches

LEAKED = "how many legs does a healthy adult spider normally have in all"


def seqs(page):
    return [row["seq"] for row in page.rows]


def everything(scan):
    return [row for batch in scan.output("matches").batches() for row in batch.to_pylist()]


@pytest.fixture
def thousand(found):
    return found(some_matches(1000))


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


# ---- both texts


def cut(side):
    return [side.text[start:end] for start, end in side.spans]


@pytest.mark.parametrize("before", ["So ", "𝔘𝔫𝔦 😀😀 ", "été — ", "İİ ", "前言：", "\u0301\u0302 "])
def test_spans_cut_the_shared_words_out_of_both_texts(scan, before):
    run = scan({"quiz": [f"😀 {before}. {LEAKED}?"]}, f"{before}{LEAKED.upper()}, 𝕬 {before}")
    pair = reviews.pair(run, reviews.at(run, 1))
    assert LEAKED.upper() in cut(pair.training)[0] and LEAKED in cut(pair.item)[0]
    assert (pair.training.dataset, pair.training.version, pair.item.dataset) == ("chats", 1, "quiz")
    assert pair.training.record_id == pair.match["record_id"] and pair.item.record_id == pair.match["item_id"]


def test_the_training_text_is_the_turn_that_was_compared(scan):
    turns = [("system", "Be kind."), ("user", "Hello"), ("assistant", "Hi."), ("user", f"😀 {LEAKED} 😀")]
    chat = Record(record_id("chats", "1"), "chats", Content(tuple(Message(*turn) for turn in turns)))
    run = scan({"quiz": [LEAKED]}, "nothing", chat)
    side = reviews.pair(run, reviews.at(run, 1)).training
    assert (side.turn, side.role, side.text, cut(side)) == (3, "user", f"😀 {LEAKED} 😀", [LEAKED])
    assert [turn["content"] for turn in side.turns] == [content for _, content in turns]


def test_the_item_is_its_user_turns_one_below_the_other_with_its_answer(scan):
    first, second = " ".join(LEAKED.split()[:6]), " ".join(LEAKED.split()[6:])
    turns = (
        Message("user", f"😀 {first}"),
        Message("assistant", None, tool_calls="[]"),
        Message("user", ""),
        Message("user", second),
    )
    item = Record(record_id("quiz", "1"), "quiz", Content(turns, ground_truth="eight"))
    run = scan({"quiz": [item]}, LEAKED)
    side = reviews.pair(run, reviews.at(run, 1)).item
    assert side.text == joined(to_batch([item]).column("messages"))[0].as_py()
    assert (side.turn, side.answer, len(side.turns)) == (None, "eight", 4)
    assert cut(side)[0].split() == LEAKED.split()


def test_without_a_ground_truth_the_chosen_completion_is_the_answer(scan):
    completions = tuple(Completion(key, (Message("assistant", key),)) for key in ("six", "eight"))
    item = Record(
        record_id("quiz", "1"), "quiz", Content((Message("user", LEAKED),), completions, chosen=1, rejected=0)
    )
    run = scan({"quiz": [item]}, LEAKED)
    assert reviews.pair(run, reviews.at(run, 1)).item.answer == "eight"


def test_the_right_one_of_several_benchmarks_is_read(scan):
    run = scan({"exam": ["a wise old owl sat in the tallest oak of all"], "quiz": [LEAKED]}, f"so {LEAKED}")
    pair = reviews.pair(run, reviews.at(run, 1))
    assert (pair.item.dataset, pair.item.text) == ("quiz", LEAKED)


def test_a_record_that_was_looked_for_ahead_is_not_read_again(scan, monkeypatch):
    run = scan({"quiz": [LEAKED]}, f"so {LEAKED}", f"or {LEAKED}")
    second = reviews.at(run, 2)
    reviews.pair(run, reviews.at(run, 1))
    found = reviews.look_ahead(run, second).result(timeout=10)
    assert [one["id"] for one in found] == [second["record_id"], second["item_id"]]
    assert reviews.look_ahead(run, None) is None
    monkeypatch.setattr(type(reviews._finder), "_search", lambda *_: None)
    assert reviews.pair(run, second).training.record_id == second["record_id"]


def test_a_purged_version_shows_no_text(scan, user, django_capture_on_commit_callbacks):
    run = scan({"quiz": [LEAKED]}, f"so {LEAKED}")
    match = reviews.at(run, 1)
    reviews.pair(run, match)
    with django_capture_on_commit_callbacks(execute=True):
        run.input("training").purge("the licence was revoked", by=user, at=run.created)
    with pytest.raises(BadInput, match="was purged: the licence was revoked"):
        reviews.pair(Run.objects.get(pk=run.pk), match)


def test_the_pages_read_an_object_store_too(settings, scan, tmp_path, user):
    settings.STORE_URL = f"memory://{tmp_path.name}"
    run = scan({"quiz": [LEAKED]}, f"so {LEAKED}", LEAKED)
    assert cut(reviews.pair(run, reviews.following(run)).training) == [LEAKED]
    assert reviews.groups(run).rows[0]["open"] == 2
    assert reviews.preview(run, ApplyConfig()).removed == 2


# ---- what it would come to


def test_the_preview_follows_the_rulings_and_says_when_the_guard_would_refuse(scan, user):
    run = scan({"quiz": [LEAKED]}, f"so {LEAKED}", LEAKED, "nothing")
    before = reviews.preview(run, ApplyConfig(max_removed=0.5))
    assert (before.removed, before.rows, before.refused, before.by_benchmark) == (2, 3, True, {"quiz": 2})
    assert [row["reason"][:21] for row in before.first] == ["ngram match with quiz"] * 2
    Ruling.objects.rule(run, [reviews.at(run, 1)], FALSE_ALARM, by=user)
    after = reviews.preview(run, ApplyConfig(max_removed=0.5))
    assert (after.removed, after.false_alarms, after.refused, round(after.share, 3)) == (1, 1, False, 0.333)
    assert reviews.preview(run, ApplyConfig(policy="ruled")).unruled_kept == 1


def test_the_same_preview_is_not_counted_twice(thousand, user, monkeypatch):
    monkeypatch.setattr(reviews, "inputs", lambda scan, role: list(scan.outputs.all()))
    first = reviews.preview(thousand, ApplyConfig())
    monkeypatch.setattr(reviews, "foresee", None)
    assert reviews.preview(thousand, ApplyConfig()) == first


cases = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.integers(0, 4),
        st.sampled_from([0.5, 0.75, 1.0]),
        st.sampled_from(["quiz", "exam"]),
        st.sampled_from([None, None, "", "boilerplate"]),
    ),
    max_size=60,
)
actions = st.sampled_from(list(Action))
rulings = st.dictionaries(
    st.tuples(st.integers(0, 30), st.integers(0, 4)), st.sampled_from([CONTAMINATED, FALSE_ALARM])
)


MEANT = {"method": "semantic", "found_by": ["semantic"]}


@given(cases, rulings, st.sampled_from(["drop", "ruled"]), actions, actions, st.booleans())
def test_the_preview_counts_what_decide_decides(cases, rulings, policy, dev, unseen, meaning):
    found = [
        match(f"r{row}", str(item), score=score, benchmark=name, suppressed=why)
        | {"seq": n + 1, "train_spans": [], **(MEANT if item == 4 and score < 1 else {})}
        for n, (row, item, score, name, why) in enumerate(cases)
    ]
    ruled = {(f"fr{row}", f"f{item}"): verdict for (row, item), verdict in rulings.items()}
    config = ApplyConfig(policy=policy, dev=dev, unseen=unseen, meaning=meaning)
    lines = [{"benchmark": "exam", "role": "unseen", "items": 5}, {"benchmark": "never", "items": 7}]
    decision = decide(found, ruled, config, lines)
    batch = pa.RecordBatch.from_pylist([{name: m[name] for name in COLUMNS} for m in found], LOOKED_AT)
    rows = [dict(zip(VERDICTS.names, (*pair, verdict), strict=True)) for pair, verdict in ruled.items()]
    told = foresee([batch], [pa.RecordBatch.from_pylist(rows, VERDICTS)], 40, config, lines)
    removed = decision.removed.to_pylist()
    assert told.removed == len(removed) and told.by_benchmark == decision.by_benchmark
    assert (told.quarantined, told.cut) == (decision.many("quarantine"), decision.many("cut"))
    assert told.struck == decision.struck
    assert (told.matches, told.suppressed) == (decision.matches, decision.suppressed)
    assert (told.false_alarms, told.unruled_kept) == (decision.false_alarms, decision.unruled_kept)
    assert told.meaning_kept == decision.meaning_kept
    assert told.first == [{name: row[name] for name in ("record_id", "reason")} for row in removed[:20]]
    assert told.refused == (len(removed) / 40 > config.max_removed)
