"""Profiles: what of a content each one carries, and why it skips others."""

import pytest

from curation.engine.errors import BadConfig, BadInput
from curation.engine.exporters import PROFILES, Exporter, Skips, profile_named, survey
from curation.engine.records import Completion, Content, Message
from tests.curation.engine.making import ANSWER, ASK, CALLING, answer, batch_of


def export(profile, *contents):
    """The rows of some contents in a profile, with the features they have, without ids, and the skips."""
    batch = batch_of(*contents)
    exporter = Exporter(PROFILES[profile], survey(PROFILES[profile], batch).features)
    made, skips = exporter.to_batch(batch)
    assert made.schema == exporter.schema
    made.validate(full=True)
    assert made.num_rows + skips.total == len(contents)
    return [{name: row[name] for name in row if name != "id"} for row in made.to_pylist()], dict(skips.counts)


def plain(*messages):
    return [{"role": m.role, "content": m.content} for m in messages]


def test_a_conversation_is_exported_as_it_is():
    system = Message("system", "Be brief.")
    rows, skips = export("sft_messages", Content((system, ASK, ANSWER)), Content((ASK, ANSWER)))
    assert rows == [{"messages": plain(system, ASK, ANSWER)}, {"messages": plain(ASK, ANSWER)}]
    assert skips == {}


def test_the_chosen_completion_ends_the_conversation():
    both = (answer("a", "No."), answer("b", "Yes."))
    rows, skips = export("sft_messages", Content((ASK,), both, chosen=1), Content((ASK, ANSWER)))
    assert [row["messages"][-1]["content"] for row in rows] == ["Yes.", "It is."]
    assert skips == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (Content(()), "has no messages"),
        (Content((ASK,)), "does not end with an assistant turn"),
        (Content((ASK, ANSWER, Message("tool", "3"))), "does not end with an assistant turn"),
        (Content((ASK,), (answer("a"),)), "has completions, but none is chosen"),
        (Content((ASK,), (answer("a"),), chosen=1), "chosen or rejected is not one of its completions"),
        (Content((ASK,), (answer("a"),), chosen=-1), "chosen or rejected is not one of its completions"),
        (
            Content((ASK, ANSWER), (answer("a"),), chosen=0),
            "has a completion, but its messages end with an assistant turn already",
        ),
        (Content((ASK, Message("assistant", ""))), "has a turn without content and without tool calls"),
        (Content((ASK, Message("assistant", " \n"))), "has a turn without content and without tool calls"),
        (Content((ASK, Message("assistant", None))), "has a turn without content and without tool calls"),
        (Content((Message("user", ""), ANSWER)), "has a turn without content and without tool calls"),
        (
            Content((ASK, CALLING, Message("tool", None), ANSWER)),
            "has a turn without content and without tool calls",
        ),
        (
            Content((ASK, Message("assistant", None, tool_calls="[]"))),
            "has a turn without content and without tool calls",
        ),
        (Content((ASK, ANSWER), tools="{}"), "has tools that are not a list of JSON objects"),
        (Content((ASK, ANSWER), tools="[1]"), "has tools that are not a list of JSON objects"),
        (Content((ASK, ANSWER), tools="[{"), "has tools that are not a list of JSON objects"),
    ],
)
def test_rows_that_would_break_fine_tuning_are_skipped_with_the_reason(content, reason):
    rows, skips = export("sft_messages", content, Content((ASK, ANSWER)))
    assert (rows, skips) == ([{"messages": plain(ASK, ANSWER)}], {reason: 1})


@pytest.mark.parametrize(
    "calls",
    [
        "no json",
        "{}",
        "[1]",
        '[{"function": "f"}]',
        '[{"function": {"arguments": {}}}]',
        '[{"function": {"name": 1, "arguments": {}}}]',
        '[{"function": {"name": "f", "arguments": "[1]"}}]',
        '[{"function": {"name": "f", "arguments": "{"}}]',
        '[{"function": {"name": "f", "arguments": []}}]',
        '[{"function": {"name": "f", "arguments": {"x": NaN}}}]',
        '[{"function": {"name": "f", "arguments": {"x": 1e999}}}]',
        '[{"function": {"name": "\\ud800", "arguments": {}}}]',
        '[{"function": {"name": "f", "arguments": "{\\"x\\": 1e999}"}}]',
        '[{"function": {"name": "f", "arguments": "{\\"x\\": \\"\\\\ud800\\"}"}}]',
        '[{"id": 7, "function": {"name": "f", "arguments": {}}}]',
        "[" * 100_000,
    ],
)
def test_tool_calls_that_no_trainer_could_read_are_skipped(calls):
    rows, skips = export("sft_messages", Content((ASK, Message("assistant", None, tool_calls=calls))))
    reason = "has tool calls that are not a list of named functions with an object of arguments"
    assert (rows, skips) == ([], {reason: 1})


@pytest.mark.parametrize("tools", ['[{"a": "\\ud800"}]', '[{"a": -1e999}]', '[{"a": NaN}]'])
def test_tools_that_some_reader_of_json_refuses_are_skipped(tools):
    rows, skips = export("sft_messages", Content((ASK, ANSWER), tools=tools))
    assert (rows, skips) == ([], {"has tools that are not a list of JSON objects": 1})
    assert export("sft_messages", Content((ASK, ANSWER), tools='[{"a": "\\ud83d\\ude42"}]'))[1] == {}


def test_a_plain_export_has_no_columns_but_the_plain_ones():
    batch = batch_of(
        Content((ASK, ANSWER), (answer("a", thinking="hm"),), meta={"x": "y"}), Content((ASK, ANSWER))
    )
    assert survey(PROFILES["sft_messages"], batch).features == frozenset()
    schema = Exporter(PROFILES["sft_messages"]).schema
    assert str(schema.field("messages").type) == "list<item: struct<role: string, content: string>>"
    assert schema.names == ["messages", "id"]


def test_an_optional_column_that_occurs_is_in_every_row():
    thinking = Message("assistant", "Yes.", thinking="Let me see.")
    rows, _ = export("sft_messages", Content((ASK, thinking), tools='[{"a":1}]'), Content((ASK, ANSWER)))
    assert rows[0]["messages"][1] == {"role": "assistant", "content": "Yes.", "thinking": "Let me see."}
    assert rows[1] == {"messages": [m | {"thinking": None} for m in plain(ASK, ANSWER)], "tools": None}
    assert rows[0]["tools"] == '[{"a":1}]'


def test_features_of_skipped_rows_do_not_count():
    batch = batch_of(Content((Message("user", "?", name="Ann"),), tools='[{"a":1}]'), Content((ASK, ANSWER)))
    assert survey(PROFILES["sft_messages"], batch).features == frozenset()
    assert survey(PROFILES["prompts"], batch).features == {"name", "tools"}


def test_a_column_that_was_not_announced_is_never_lost_silently():
    with pytest.raises(BadInput, match="Rows have thinking, tools, but the export was laid out without"):
        Exporter(PROFILES["sft_messages"]).to_batch(
            batch_of(Content((ASK, Message("assistant", "Yes.", thinking="hm")), tools='[{"a":1}]'))
        )
    with pytest.raises(BadConfig, match="pref_explicit has no optional column answer"):
        Exporter(PROFILES["pref_explicit"], frozenset({"answer"}))
    with pytest.raises(
        BadConfig, match="There is no export profile chatml; there are sft_messages, sft_prompt"
    ):
        profile_named("chatml")


def test_tool_calls_have_the_form_of_openai_with_arguments_as_text():
    texts = '[{"function": {"name": "f", "arguments": "{\\"b\\": 1.50}"}}, {"function": {"name": "g"}}]'
    rows, skips = export(
        "sft_messages",
        Content((ASK, CALLING, Message("tool", "", name="f"), ANSWER)),
        Content((ASK, Message("assistant", "Wait.", tool_calls=texts))),
        Content((ASK, Message("assistant", "No.", tool_calls="[]"))),
    )
    assert skips == {}
    first, second, third = (row["messages"][1]["tool_calls"] for row in rows)
    arguments = '{"n":12345678901234567890123}'
    assert first == [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}}]
    assert [call["function"]["arguments"] for call in second] == ['{"b": 1.50}', "{}"]
    assert third is None
    assert rows[0]["messages"][2] == {"role": "tool", "content": "", "name": "f", "tool_calls": None}


def test_pairs_share_their_prompt():
    pair = Content((ASK,), (answer("a", "No."), answer("b", "Maybe."), answer("c", "Yes.")), 2, 0)
    rows, skips = export("pref_explicit", pair)
    assert skips == {}
    assert rows == [
        {
            "prompt": plain(ASK),
            "chosen": [{"role": "assistant", "content": "Yes."}],
            "rejected": [{"role": "assistant", "content": "No."}],
        }
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (Content((), (answer("a"), answer("b", "No.")), 0, 1), "has no messages"),
        (Content((ASK,), (answer("a"), answer("b", "No.")), 0), "has no chosen and rejected completion"),
        (
            Content((ASK,), (answer("a"), answer("b", "No.")), None, 1),
            "has no chosen and rejected completion",
        ),
        (Content((ASK, ANSWER)), "has no chosen and rejected completion"),
        (Content((ASK,), (answer("a"),), 0, 1), "chosen or rejected is not one of its completions"),
        (Content((ASK,), (answer("a"), answer("b")), 0, 1), "chosen and rejected say the same"),
        (Content((ASK,), (answer("a"),), 0, 0), "chosen and rejected say the same"),
        (
            Content((ASK,), (answer("a"), answer("b", " ")), 0, 1),
            "has a turn without content and without tool calls",
        ),
        (Content((ASK,), (answer("a"), Completion("b", ())), 0, 1), "does not end with an assistant turn"),
        (
            Content((ASK,), (answer("a"), Completion("b", (ASK,))), 0, 1),
            "does not end with an assistant turn",
        ),
        (
            Content((ASK, ANSWER), (answer("a"), answer("b", "No.")), 0, 1),
            "has a completion, but its messages end with an assistant turn already",
        ),
    ],
)
def test_pairs_that_teach_nothing_are_skipped_with_the_reason(content, reason):
    rows, skips = export("pref_explicit", content, Content((ASK,), (answer("a"), answer("b", "No.")), 0, 1))
    assert len(rows) == 1 and skips == {reason: 1}


def test_answers_that_differ_in_one_field_or_one_turn_are_a_pair():
    longer = Completion("b", (CALLING, Message("tool", "3"), Message("assistant", "It is.")))
    other = Completion("c", (CALLING, Message("tool", "4"), Message("assistant", "It is.")))
    rows, skips = export(
        "pref_explicit",
        Content((ASK,), (answer("a"), answer("b", thinking="hm")), 0, 1),
        Content((ASK,), (answer("a"), longer), 0, 1),
        Content((ASK,), (longer, other), 0, 1),
        Content((ASK,), (longer, longer), 0, 1),
    )
    assert len(rows) == 3 and skips == {"chosen and rejected say the same": 1}


def test_prompts_end_at_the_last_user_turn():
    rows, skips = export(
        "prompts",
        Content(
            (ASK, ANSWER, Message("user", "Why?"), CALLING, Message("tool", ""), Message("assistant", ""))
        ),
        Content((ASK,), (answer("a"),), ground_truth="72", verifier="gsm8k"),
        Content((Message("system", "x"), ANSWER)),
        Content(()),
    )
    assert [(row["prompt"], row["answer"], row["verifier"]) for row in rows] == [
        (plain(ASK, ANSWER, Message("user", "Why?")), None, None),
        (plain(ASK), "72", "gsm8k"),
    ]
    assert skips == {"has no messages": 1, "has no user turn": 1}


def test_what_is_blank_is_no_ground_truth_and_names_no_verifier():
    rows, skips = export(
        "rlvr_open_instruct",
        Content((ASK,), ground_truth="72", verifier=""),
        Content((ASK,), ground_truth=" ", verifier="gsm8k"),
        Content((ASK,), ground_truth="", verifier="ifeval", constraints='{"a": 1}'),
    )
    assert [row["ground_truth"] for row in rows] == ['{"a": 1}']
    assert skips == {"names no verifier": 1, "has no ground truth": 1}


def test_notes_of_weights_nested_beyond_reason_are_no_weights():
    nested = "[" * 100_000 + '"weight"'
    rows, _ = export("openai_sft", Content((ASK, ANSWER), meta={"messages": nested}))
    assert rows == [{"messages": plain(ASK, ANSWER)}]


def test_skips_add_up_and_keep_the_smallest_ids():
    exporter = Exporter(PROFILES["sft_messages"])
    batch = batch_of(*[Content((ASK,))] * 9, Content(()))
    _, whole = exporter.to_batch(batch)
    parts = [exporter.to_batch(batch.slice(at, 3))[1] for at in (9, 3, 0, 6)]
    assert sum(parts, Skips()) == whole
    ids = batch.column("id").to_pylist()
    assert whole.counts == {"does not end with an assistant turn": 9, "has no messages": 1}
    assert whole.examples["does not end with an assistant turn"] == tuple(sorted(ids[:9])[:5])
    assert whole.examples["has no messages"] == (ids[9],)
