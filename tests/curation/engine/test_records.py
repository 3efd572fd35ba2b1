import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.engine.records import (
    SCHEMA,
    Completion,
    Content,
    Message,
    Record,
    fingerprint,
    from_batch,
    record_id,
    to_batch,
)
from curation.engine.units import (
    PASSAGE_CHARS,
    WHOLE_RECORD,
    ItemPart,
    Unit,
    item_parts,
    joined,
    part_of,
    text_of,
    texts,
)

words = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)
maybe = st.none() | words
messages = st.lists(
    st.builds(Message, st.sampled_from(["user", "assistant", "system"]), maybe, maybe, maybe, maybe)
)
strings = st.dictionaries(words, words, max_size=3)
completions = st.lists(
    st.builds(
        Completion,
        words,
        messages.map(tuple),
        maybe,
        st.dictionaries(words, st.floats(allow_nan=False), max_size=2),
    )
)
contents = st.builds(
    Content,
    messages.map(tuple),
    completions.map(tuple),
    st.none() | st.integers(0, 3),
    st.none() | st.integers(0, 3),
    maybe,
    maybe,
    maybe,
    maybe,
    st.lists(words).map(tuple),
    strings,
    maybe,
    strings,
)
records = st.lists(st.builds(Record, words, words, contents, st.lists(words).map(tuple)), max_size=5)


@given(records)
def test_records_survive_the_trip_through_arrow(given_records):
    batch = to_batch(given_records)
    assert batch.schema == SCHEMA
    batch.validate(full=True)
    assert from_batch(batch) == given_records


def test_an_id_stays_the_same_for_ever():
    assert record_id("ecqa", "file.tsv#3") == "e627fe005be2b3d358d1ac7c4b3aba63"


def test_source_and_own_id_cannot_run_into_each_other():
    assert record_id("ab", "c") != record_id("a", "bc")


def test_the_fingerprint_goes_by_what_is_said_not_by_notes():
    said = Content((Message("user", "hi"),))
    assert fingerprint(said) == fingerprint(
        Content((Message("user", "hi"),), labels={"a": "b"}, meta={"c": "d"})
    )
    assert fingerprint(said) != fingerprint(Content((Message("user", "Hi"),)))
    assert fingerprint(said) != fingerprint(Content((Message("assistant", "hi"),)))
    assert fingerprint(said) != fingerprint(Content((Message("user", "hi"),), ground_truth="4"))


def test_scores_and_models_are_notes_too():
    one, other = (
        Content((), (Completion("a", (Message("assistant", "x"),), model, {"q": score}),))
        for model, score in (("m", 1.0), (None, 2.0))
    )
    assert fingerprint(one) == fingerprint(other)


def chats():
    turns = [
        (Message("system", "s"), Message("user", "one"), Message("assistant", "a"), Message("user", "two")),
        (Message("assistant", "nobody asked"),),
        (Message("user", None), Message("user", "three")),
    ]
    return to_batch([Record(str(i), "s", Content(messages)) for i, messages in enumerate(turns)])


def test_user_turns_know_their_row_and_turn():
    found = texts(chats())
    assert found.text.to_pylist() == ["one", "two", "three"]
    assert (found.row.tolist(), found.turn.tolist()) == ([0, 0, 2], [1, 3, 1])


def test_units_of_a_slice_count_from_the_slice():
    found = texts(chats().slice(1), Unit.ASSISTANT)
    assert (found.text.to_pylist(), found.row.tolist(), found.turn.tolist()) == (["nobody asked"], [0], [0])


def test_joined_turns_are_one_text_a_record():
    assert joined(chats().column("messages")).to_pylist() == ["one\ntwo", "", "three"]


def test_no_rows_have_no_texts():
    empty = pa.RecordBatch.from_pylist([], SCHEMA)
    assert [len(texts(empty, unit)) for unit in Unit] == [0] * len(Unit)
    assert joined(empty.column("messages")).to_pylist() == []


def preferences():
    said = (Message("user", "q"), Message("assistant", "a"), Message("user", "and then?"))
    good = Completion(
        "good", (Message("assistant", "yes"), Message("user", "sure?"), Message("assistant", "sure"))
    )
    bad = Completion("bad", (Message("assistant", "no"),))
    return to_batch(
        [
            Record("1", "s", Content(said, (bad, good), chosen=1, rejected=0, ground_truth="42")),
            Record("2", "s", Content(said[:1])),
        ]
    )


@pytest.mark.parametrize(
    ("unit", "said"),
    [
        (Unit.JOINED, ["q\nand then?", "q"]),
        (Unit.CHOSEN, ["yes\nsure"]),
        (Unit.REJECTED, ["no"]),
        (Unit.GROUND_TRUTH, ["42"]),
    ],
)
def test_units_of_whole_records_have_no_turn(unit, said):
    batch = preferences()
    found = texts(batch, unit)
    assert found.text.to_pylist() == said and set(found.turn.tolist()) == {WHOLE_RECORD}
    record = batch.to_pylist()[0]
    assert text_of(record, unit, WHOLE_RECORD) == said[0]


def test_a_turn_of_one_record_is_what_was_compared():
    assert text_of(preferences().to_pylist()[0], Unit.USER, 2) == "and then?"


def test_parts_of_an_item_stand_apart():
    asked = Content(
        (Message("user", "A long story.\nWho told it?"),), meta={PASSAGE_CHARS: "13"}, ground_truth="Ann"
    )
    parts = item_parts(
        to_batch([Record("1", "s", asked), Record("2", "s", Content((Message("user", "Why?"),)))])
    )
    assert {part: said.to_pylist() for part, said in parts.items()} == {
        ItemPart.WHOLE: ["A long story.\nWho told it?", "Why?"],
        ItemPart.PROMPT: ["Who told it?", "Why?"],
        ItemPart.PASSAGE: ["A long story.", None],
        ItemPart.ANSWER: ["Ann", None],
    }


def test_the_answer_of_an_item_without_a_ground_truth_is_the_one_that_was_chosen():
    record = preferences().to_pylist()[0] | {"ground_truth": None}
    assert part_of(record, ItemPart.ANSWER) == "yes\nsure"
    assert part_of(record | {"chosen": None}, ItemPart.ANSWER) == "no"


def test_the_answer_of_a_question_and_answer_pair_is_its_assistant_turn():
    pair = Content((Message("user", "Why?"), Message("assistant", "Because of the tides.")))
    (record,) = to_batch([Record("1", "s", pair)]).to_pylist()
    assert part_of(record, ItemPart.ANSWER) == "Because of the tides."
