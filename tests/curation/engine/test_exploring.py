"""What is known of every row, against the same worked out row by row in plain Python."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.engine.exploring import ATTRIBUTES, Note, Type, attributes, chosen, schema_with, seen
from curation.engine.exploring.notes import LONGEST, values_of
from curation.engine.records import SCHEMA, Completion, Message, to_batch
from tests.curation.engine.exploring import row
from tests.curation.engine.making import CONTENTS, batch_of


def facts(*said, **fields):
    return attributes(to_batch([row(0, *said, **fields)]), 0).to_pylist()[0]


def by_hand(content):
    """The same facts, a row at a time."""
    asked, answered = content.messages, [m for c in content.completions for m in c.messages]
    every = [*asked, *answered]

    def chars(turns, name="content"):
        return sum(len(getattr(m, name) or "") for m in turns)

    def spoken(*roles):
        return [m for m in asked if m.role in roles]

    said = sum(len((t or "").encode()) for m in every for t in (m.content, m.thinking, m.tool_calls))
    first = next((m.content for m in spoken("user") if m.content), None)
    return {
        "turns": len(asked),
        "user_turns": len(spoken("user")),
        "last_role": asked[-1].role if asked else None,
        "prompt_chars": chars(spoken("user", "system", "developer")),
        "response_chars": chars([*spoken("assistant"), *answered]),
        "thinking_chars": chars(every, "thinking"),
        "chars": chars(every),
        "tokens": (said + 3) // 4,
        "completions": len(content.completions),
        "images": len(content.images),
        "has_system": bool(spoken("system", "developer")),
        "has_tools": any(m.role == "tool" or m.tool_calls for m in every) or bool(content.tools),
        "has_thinking": any(m.thinking for m in every),
        "ground_truth": content.ground_truth is not None,
        "preview": first and " ".join(first.lstrip()[:200].split()),
    }


@given(st.lists(CONTENTS, max_size=6), st.integers(0, 3))
def test_the_facts_of_a_batch_are_those_of_its_rows(contents, cut):
    batch = batch_of(*contents).slice(cut)
    found = attributes(batch, 40).to_pylist()
    expected = [by_hand(content) for content in contents[cut:]]
    assert [{name: one[name] for name in expected[0]} for one in found] == expected if expected else not found
    assert [one["row"] for one in found] == list(range(40, 40 + len(found)))
    assert [one["id"] for one in found] == batch.column("id").to_pylist()


@given(st.text(max_size=30) | st.text("ab \t\n\x0b\x1c\x1f\x85\xa0\u2028\u3000", max_size=250))
def test_a_preview_is_one_line(text):
    assert facts(text)["preview"] == (" ".join(text.lstrip()[:200].split()) if text else None)


def test_a_row_without_turns_is_empty_and_known():
    found = facts()
    assert (found["turns"], found["chars"], found["tokens"], found["preview"]) == (0, 0, 0, None)
    assert found["last_role"] is None and not found["has_system"]


def test_tokens_are_a_quarter_of_the_bytes_rounded_up():
    assert facts("𐍈" * 3)["tokens"] == 3
    assert facts("abcde")["tokens"] == 2
    assert (
        facts("ab", Message("assistant", None, tool_calls="[]"), Message("assistant", "x", thinking="yyy"))[
            "tokens"
        ]
        == 2
    )


def test_a_megabyte_in_a_turn_is_counted_and_cut_for_its_preview():
    found = facts("  " + "é" * (1 << 20), "ok")
    assert (found["prompt_chars"], found["chars"]) == ((1 << 20) + 2, (1 << 20) + 4)
    assert found["preview"] == "é" * 200


def test_answers_to_compare_are_responses():
    pair = (Completion("a", (Message("assistant", "Yes."),)), Completion("b", (Message("assistant", "No."),)))
    found = facts("Is it?", completions=pair, chosen=0, rejected=1)
    assert (found["completions"], found["response_chars"], found["prompt_chars"], found["turns"]) == (
        2,
        7,
        6,
        1,
    )


def test_empty_text_is_null():
    found = facts("x", verifier="", licence="")
    assert (found["verifier"], found["licence"]) == (None, None)


def test_an_empty_batch_has_the_columns():
    assert attributes(pa.RecordBatch.from_pylist([], SCHEMA), 0).schema == ATTRIBUTES


# notes

NOTED = [
    row(
        i,
        "x",
        labels={"topic": "ratios"},
        meta={"score": str(i / 4), "n": str(i), "ok": "true", "origin": f"f#{i}"},
    )
    for i in range(8)
]


def notes_of(*rows):
    return chosen([seen([to_batch(list(rows))])], len(rows))


def test_keys_become_columns_of_the_type_that_their_values_have():
    assert notes_of(*NOTED) == [
        Note("label.topic", Type.TEXT),
        Note("meta.n", Type.INTEGER),
        Note("meta.ok", Type.BOOLEAN),
        Note("meta.score", Type.NUMBER),
    ]
    found = attributes(to_batch(NOTED).slice(3), 3, notes_of(*NOTED))
    assert found.schema == schema_with(notes_of(*NOTED))
    (last,) = found.slice(4).to_pylist()
    assert [last[f"meta.{key}"] for key in ("n", "ok", "score")] == [7, True, 1.75]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2.5"], Type.NUMBER),
        (["007"], Type.TEXT),
        (["1", "true"], Type.TEXT),
        (["1e3", "-0.5"], Type.NUMBER),
        (["nan", "inf"], Type.TEXT),
        (["9" * 18], Type.INTEGER),
        (["9" * 19], Type.TEXT),
        (["1\n"], Type.TEXT),
        (["", "3"], Type.INTEGER),
    ],
)
def test_a_column_is_as_narrow_as_all_its_values(values, kind):
    rows = [row(i, "x", meta={"key": value}) for i, value in enumerate(values)]
    (note,) = notes_of(*rows)
    assert note == Note("meta.key", kind)
    assert len(values_of(to_batch(rows), note)) == len(values)


def test_rare_strange_and_surplus_keys_are_left_out():
    rare = [row(i, "x", meta={"often": "a"} | ({"rare": "b"} if i == 0 else {})) for i in range(101)]
    assert [note.column for note in notes_of(*rare)] == ["meta.often"]
    assert notes_of(row(0, "x", meta={'a"b': "1", "a\nb": "1", "": "1", "x" * 61: "1"})) == []
    many = notes_of(row(0, "x", meta={f"k{i:02}": "v" for i in range(20)}, labels={"kind": "text"}))
    assert [note.column for note in many] == ["label.kind", *(f"meta.k{i:02}" for i in range(11))]


def test_names_that_differ_in_case_are_one_column():
    rows = [row(i, "x", meta={"Topic": "a"} | ({"topic": "b"} if i else {})) for i in range(3)]
    assert [note.column for note in notes_of(*rows)] == ["meta.Topic"]


def test_shards_agree_on_what_their_keys_are():
    one, other = (seen([to_batch([row(0, "x", meta={"n": value})])]) for value in ("1", "two"))
    assert chosen([one, other], 2) == [Note("meta.n", Type.TEXT)]


def test_a_long_value_is_cut():
    rows = [row(0, "x", meta={"essay": "é" * 1000})]
    assert values_of(to_batch(rows), *notes_of(*rows)).to_pylist() == ["é" * LONGEST]
