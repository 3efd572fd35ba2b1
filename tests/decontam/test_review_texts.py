"""Both texts of a match, with what they share cut out of them."""

import pytest

from curation.engine.errors import BadInput
from curation.engine.records import Completion, Content, Message, Record, record_id, to_batch
from curation.engine.units import joined
from curation.models import Run
from decontam.engine.apply import ApplyConfig
from decontam.questions import reviews

LEAKED = "how many legs does a healthy adult spider normally have in all"


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
