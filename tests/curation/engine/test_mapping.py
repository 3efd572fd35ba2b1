"""From rows to contents: every published shape is recognised, and every bad row has its reason."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.engine.errors import BadConfig, BadInput
from curation.engine.mapping import (
    Mapping,
    Shape,
    Unusable,
    compiled,
    contents,
    own_id,
    propose,
    recognise,
    to_content,
)
from curation.engine.mapping.escapes import are_escapes, unescaped
from curation.engine.readers import Options, Reject, Row, find, read
from curation.engine.records import Completion, Content, Message, Record, from_batch, to_batch

Q = "What colour is the sky?"
A = "The sky is blue."
B = "The sky is green."


def user(said):
    return Message("user", said)


def assistant(said):
    return Message("assistant", said)


def turns(*said):
    roles = ("user", "assistant")
    return [{"role": roles[i % 2], "content": text} for i, text in enumerate(said)]


def content(*rows):
    """The content of the first row, under the mapping that all of them are recognised to need."""
    return to_content(recognise(rows), rows[0])


def shape(*rows):
    return recognise(rows).shape


def reason(mapping, row):
    with pytest.raises(Unusable) as caught:
        to_content(mapping, row)
    return str(caught.value)


MESSAGES = Mapping(Shape.MESSAGES, {"messages": "messages"})


class TestMessages:
    def test_roles_and_contents(self):
        row = {"messages": [{"role": "developer", "content": "Be brief."}, *turns(Q, A)]}
        assert content(row) == Content((Message("developer", "Be brief."), user(Q), assistant(A)))

    def test_tool_calls_are_written_in_one_way(self):
        row = {
            "messages": [
                {"role": "user", "content": Q},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {
                            "id": "c1",
                            "type": "function",
                            "function": {"name": "look", "arguments": {"up": True}},
                        }
                    ],
                },
                {"role": "tool", "name": "look", "content": "", "tool_call_id": "c1"},
                {"role": "assistant", "content": A, "reasoning_content": "I looked.", "tool_calls": None},
            ],
            "tools": [{"type": "function", "function": {"name": "look"}}],
        }
        got = content(row)
        (call,) = json.loads(got.messages[1].tool_calls)
        assert call == {
            "id": "c1",
            "type": "function",
            "function": {"name": "look", "arguments": '{"up":true}'},
        }
        assert got.messages[1].content is None
        assert got.messages[2:] == (
            Message("tool", "", "look"),
            Message("assistant", A, thinking="I looked."),
        )
        assert got.tools == '[{"type":"function","function":{"name":"look"}}]'
        assert json.loads(got.meta["messages"]) == [{}, {}, {"tool_call_id": "c1"}, {}]

    def test_a_call_in_the_old_style_and_calls_as_json_text(self):
        old = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
        text = {"role": "assistant", "content": "", "tool_calls": '[{"name": "f", "parameters": {"x": 1}}]'}
        got = to_content(MESSAGES, {"messages": [{"role": "user", "content": Q}, old, text]})
        assert json.loads(got.messages[1].tool_calls)[0]["function"] == {"name": "f", "arguments": "{}"}
        assert json.loads(got.messages[2].tool_calls)[0]["function"] == {"name": "f", "arguments": '{"x":1}'}

    def test_content_parts_are_joined_and_images_kept_as_references(self):
        parts = [
            {"type": "text", "text": "Look:"},
            {"type": "image_url", "image_url": {"url": "https://example.org/sky.png"}},
            {"type": "text", "text": Q},
        ]
        got = content({"messages": [{"role": "user", "content": parts}]})
        assert got.messages == (user(f"Look:\n<image>\n{Q}"),)
        assert got.images == ("https://example.org/sky.png",)

    def test_images_beside_the_messages(self):
        row = {"messages": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": Q}]}]}
        got = content({**row, "images": [{"path": "sky.png", "bytes": None}, "sea.png"]})
        assert got.images == ("sky.png", "sea.png")

    def test_messages_as_json_text_as_csv_files_hold_them(self):
        row = {"messages": json.dumps(turns(Q, A))}
        assert content(row).messages == (user(Q), assistant(A))

    def test_blank_system_turns_are_left_out_and_white_space_is_kept(self):
        row = {"messages": [{"role": "system", "content": ""}, {"role": "user", "content": " Hi\n"}]}
        assert content(row).messages == (user(" Hi\n"),)

    def test_two_turns_of_one_role_are_no_reason_to_reject(self):
        assert len(content({"messages": [*turns(Q), *turns(A)]}).messages) == 2

    @pytest.mark.parametrize(
        ("messages", "why"),
        [
            (None, "messages is missing"),
            ([], "messages is empty"),
            ("plain text", "messages is text, not a list of turns"),
            (7, "messages is a number, not a list of turns"),
            (["Hi"], "messages: turn 1 is text, not an object with role and content"),
            ([{"content": "Hi"}], "messages: turn 1 has no role"),
            ([{"role": "wizard", "content": "Hi"}], 'messages: turn 1 has the unknown role "wizard"'),
            (
                [*turns(Q), {"role": "assistant", "content": " \n"}],
                "messages: turn 2 (assistant) has no content",
            ),
            ([{"role": "user", "content": None}], "messages: turn 1 (user) has no content"),
            ([{"role": "user", "content": 5}], "messages: turn 1 (user): content is a number, not text"),
            (
                [{"role": "user", "content": {"a": 1}}],
                "messages: turn 1 (user): content is an object, not text",
            ),
            (
                [{"role": "user", "content": [{"type": "audio"}]}],
                'messages: turn 1 has a content part of type "audio"; text and images can be read',
            ),
            (
                [{"role": "user", "content": [{"type": "image", "image": {"bytes": b"x"}}]}],
                "messages: turn 1 holds an image's bytes; only references to images can be kept",
            ),
            (
                [{"role": "user", "content": [{"type": "image", "source": {"data": "x"}}]}],
                "messages: turn 1 has an image without a path or URL",
            ),
            ([{"role": "assistant", "content": A}], "there is no user turn"),
            (
                [*turns(Q), {"role": "assistant", "tool_calls": [{"id": "x"}]}],
                "messages: turn 2: a tool call has no function name",
            ),
            (
                [*turns(Q), {"role": "function_call", "content": "look()"}],
                "messages: turn 2: the tool call is not valid JSON (unexpected character, expected a JSON value)",
            ),
        ],
    )
    def test_reasons(self, messages, why):
        assert reason(MESSAGES, {"messages": messages}) == why

    def test_speakers_can_be_renamed(self):
        mapping = replace(MESSAGES, roles={"wizard": "assistant"})
        row = {"messages": [*turns(Q), {"role": "wizard", "content": A}]}
        assert to_content(mapping, row).messages == (user(Q), assistant(A))


class TestShareGpt:
    def test_speakers(self):
        said = [("system", "S"), ("human", "U"), ("gpt", "A"), ("User", "U"), ("chatgpt", "A"), ("bing", "A")]
        got = content({"conversations": [{"from": who, "value": text} for who, text in said]})
        assert [m.role for m in got.messages] == [
            "system",
            "user",
            "assistant",
            "user",
            "assistant",
            "assistant",
        ]

    def test_tool_turns_of_llama_factory(self):
        call = '{"name": "look", "arguments": {"where": "up"}}'
        row = {
            "conversations": [
                {"from": "human", "value": Q},
                {"from": "function_call", "value": call},
                {"from": "observation", "value": '{"colour": "blue"}'},
                {"from": "gpt", "value": A},
            ],
            "tools": '[{"name": "look"}]',
            "system": "Use tools.",
        }
        got = content(row)
        assert shape(row) is Shape.SHAREGPT
        assert [m.role for m in got.messages] == ["system", "user", "assistant", "tool", "assistant"]
        assert json.loads(got.messages[2].tool_calls) == [
            {"type": "function", "function": {"name": "look", "arguments": '{"where":"up"}'}}
        ]
        assert got.tools == '[{"name": "look"}]' and not got.meta

    def test_conversations_with_role_and_content(self):
        row = {"conversations": turns(Q, A)}
        assert shape(row) is Shape.MESSAGES
        assert content(row).messages == (user(Q), assistant(A))

    def test_a_system_column_that_contradicts_a_system_turn_is_kept_beside(self):
        row = {"messages": [{"role": "system", "content": "One."}, *turns(Q)], "system": "Two."}
        got = content(row)
        assert got.messages[0].content == "One." and got.meta == {"system": "Two."}

    def test_empty_tools_are_none_and_broken_ones_are_said(self):
        assert content({"conversations": turns(Q, A), "tools": "[]"}).tools is None
        mapping = Mapping(Shape.SHAREGPT, {"messages": "conversations", "tools": "tools"})
        assert "tools is not valid JSON" in reason(mapping, {"conversations": turns(Q), "tools": "look()"})


class TestPromptAndReply:
    def test_alpaca(self):
        row = {"instruction": "Answer.", "input": Q, "output": A, "system": "", "history": [["Hi", "Hello"]]}
        got = content(row)
        assert shape(row) is Shape.ALPACA
        assert got.messages == (user("Hi"), assistant("Hello"), user(f"Answer.\n{Q}"), assistant(A))

    @pytest.mark.parametrize("blank", ["", "  ", None])
    def test_alpaca_without_input(self, blank):
        row = {"instruction": Q, "input": blank, "response": A}
        assert to_content(recognise([row, {**row, "input": "x"}]), row).messages == (user(Q), assistant(A))

    def test_an_alpaca_row_without_output_is_rejected_and_a_set_without_outputs_is_not(self):
        mapping = Mapping(Shape.ALPACA, {"prompt": "instruction", "completion": "output"})
        assert reason(mapping, {"instruction": Q, "output": " "}) == "output is empty"
        assert content({"instruction": "Answer.", "input": Q}).messages == (user(f"Answer.\n{Q}"),)

    def test_history_that_is_no_list_of_pairs_is_said(self):
        mapping = Mapping(Shape.ALPACA, {"prompt": "instruction", "history": "history"})
        assert "not a list of [question, answer] pairs" in reason(
            mapping, {"instruction": Q, "history": ["x"]}
        )

    @pytest.mark.parametrize("reply", ["completion", "response", "output", "canonical_solution", "code"])
    def test_prompt_and_completion_under_their_names(self, reply):
        row = {"task_id": "t/0", "prompt": Q, reply: A}
        assert shape(row) is Shape.PROMPT_COMPLETION
        assert content(row).messages == (user(Q), assistant(A))

    def test_prompt_and_completion_as_message_lists(self):
        row = {"prompt": turns(Q), "completion": [{"role": "assistant", "content": A}]}
        assert content(row).messages == (user(Q), assistant(A))

    def test_question_and_answer_with_context_and_numbers(self):
        row = {"ID": "c-7", "Question": "How many?", "Body": "There are two.", "Answer": 2.0}
        assert shape(row) is Shape.QUESTION_ANSWER
        assert content(row).messages == (user("There are two.\nHow many?"), assistant("2.0"))

    @pytest.mark.parametrize(
        ("answer", "said"),
        [(True, "true"), (0, "0"), (Decimal("1.50"), "1.50"), ("x ", "x ")],
    )
    def test_answers_that_are_scalars(self, answer, said):
        mapping = Mapping(Shape.QUESTION_ANSWER, {"prompt": "question", "completion": "answer"})
        assert to_content(mapping, {"question": Q, "answer": answer}).messages[1].content == said

    def test_a_benchmark_question_may_have_no_answer_or_several(self):
        mapping = Mapping(Shape.QUESTION_ANSWER, {"prompt": "question", "completion": "answer"})
        assert to_content(mapping, {"question": Q, "answer": ""}).messages == (user(Q),)
        got = to_content(mapping, {"question": Q, "answer": ["blue", "azure"]})
        assert got.messages == (user(Q), assistant("blue")) and got.meta == {"answer": '["blue","azure"]'}

    def test_numbers_are_no_prompts(self):
        mapping = Mapping(Shape.PROMPT_COMPLETION, {"prompt": "prompt", "completion": "completion"})
        assert reason(mapping, {"prompt": 5, "completion": A}) == "prompt is a number, not text"
        assert reason(mapping, {"prompt": Q, "completion": 5}) == "completion is a number, not text"
        assert reason(mapping, {"completion": A}) == "prompt is missing"
        assert reason(mapping, {"prompt": "\t", "completion": A}) == "prompt is empty"

    def test_a_worked_solution_is_the_reply_and_the_final_answer_the_truth(self):
        got = content({"problem": "1+1?", "solution": "Add: 2.", "answer": "2"})
        assert got.messages == (user("1+1?"), assistant("Add: 2.")) and got.ground_truth == "2"

    def test_self_instruct_takes_the_first_instance_and_keeps_the_others(self):
        more = {"input": "2", "output": "b"}
        row = {"id": "s0", "instruction": "Do.", "instances": [{"input": "1", "output": "a"}, more]}
        got = content(row)
        assert got.messages == (user("Do.\n1"), assistant("a"))
        assert json.loads(got.meta["instances"]) == [more]

    def test_a_function_with_input_and_output_is_asked_about(self):
        with pytest.raises(BadInput, match='"code", "input", "output"'):
            shape({"code": "def f(): ...", "input": "1", "output": "2"})

    def test_a_program_as_solution_with_a_number_as_truth(self):
        got = content({"input": "1+1?", "code": "print(2)", "target": 2})
        assert got.messages == (user("1+1?"), assistant("print(2)")) and got.ground_truth == "2"

    def test_a_text_as_target_is_the_reply(self):
        assert content({"inputs": "1+1?", "input": "1+1?", "target": "two"}).messages[1] == assistant("two")


class TestPreferences:
    @pytest.mark.parametrize("side", [lambda t: t, lambda t: {"role": "assistant", "content": t}])
    def test_prompt_and_two_replies(self, side):
        row = {"prompt": Q, "chosen": side(A), "rejected": side(B)}
        got = content(row)
        assert shape(row) is Shape.PREFERENCE
        assert got.messages == (user(Q),)
        assert got.completions == (
            Completion("chosen", (assistant(A),)),
            Completion("rejected", (assistant(B),)),
        )
        assert (got.chosen, got.rejected) == (0, 1)

    def test_llama_factory_pairs(self):
        row = {
            "conversations": [{"from": "human", "value": Q}],
            "chosen": {"from": "gpt", "value": A},
            "rejected": {"from": "gpt", "value": B},
        }
        assert content(row).messages == (user(Q),)
        assert content(row).completions[1].messages == (assistant(B),)

    def test_openai_pairs(self):
        row = {
            "input": {"messages": turns(Q)},
            "preferred_output": [{"role": "assistant", "content": A}],
            "non_preferred_output": [{"role": "assistant", "content": B}],
        }
        assert content(row).completions[0].messages == (assistant(A),)

    def test_full_lists_are_parted_where_they_differ(self):
        row = {"chosen": turns(Q, A, "Sure?", "Yes."), "rejected": turns(Q, A, "Sure?", "No.")}
        got = content(row)
        assert shape(row) is Shape.PREFERENCE_FULL
        assert got.messages == (user(Q), assistant(A), user("Sure?"))
        assert [c.messages for c in got.completions] == [(assistant("Yes."),), (assistant("No."),)]

    def test_ultrafeedback_prefers_full_lists_and_keeps_scores(self):
        row = {
            "prompt": Q,
            "prompt_id": "u1",
            "chosen": turns(Q, A),
            "rejected": turns(Q, B),
            "score_chosen": 8.5,
            "score_rejected": 7,
            "messages": turns(Q, A),
        }
        got = content(row)
        assert [c.scores for c in got.completions] == [{"score": 8.5}, {"score": 7.0}]
        assert own_id(recognise([row]), row) == "u1"
        assert "prompt" not in got.meta

    def test_a_prompt_that_the_conversation_does_not_hold_is_kept(self):
        row = {"prompt": "Another one?", "chosen": turns(Q, A), "rejected": turns(Q, B)}
        assert content(row).meta == {"prompt": "Another one?"}

    def test_replies_with_tool_calls_may_have_several_turns(self):
        call = {"role": "assistant", "tool_calls": [{"function": {"name": "look", "arguments": "{}"}}]}
        long = [*turns(Q), call, {"role": "tool", "content": "blue"}, {"role": "assistant", "content": A}]
        got = content({"chosen": long, "rejected": turns(Q, B)})
        assert [len(c.messages) for c in got.completions] == [3, 1]

    FULL = Mapping(Shape.PREFERENCE_FULL, {"chosen": "chosen", "rejected": "rejected"})

    @pytest.mark.parametrize(
        ("chosen", "rejected", "why"),
        [
            (turns(Q, A), turns(Q, A), "chosen equals rejected"),
            (
                turns(Q, A),
                turns(Q + "?", B),
                "chosen and rejected answer different conversations: they part at turn 1",
            ),
            (
                turns(Q, A, "x", A),
                turns(Q, B, "y", B),
                "chosen and rejected answer different conversations: they part at turn 2",
            ),
            (
                turns(Q, A, Q),
                turns(Q, A),
                "rejected ends where the other side goes on: it has no reply of its own",
            ),
            (None, turns(Q, A), "chosen is missing"),
        ],
    )
    def test_reasons_of_full_lists(self, chosen, rejected, why):
        assert reason(self.FULL, {"chosen": chosen, "rejected": rejected}) == why

    def test_reasons_of_pairs(self):
        fields = {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected", "chosen_score": "score"}
        pair = Mapping(Shape.PREFERENCE, fields)
        assert reason(pair, {"prompt": Q, "chosen": A, "rejected": A}) == "chosen equals rejected"
        assert reason(pair, {"prompt": Q, "chosen": A, "rejected": ""}) == "rejected is empty"
        assert "turns of another conversation" in reason(
            pair, {"prompt": Q, "chosen": turns("Other?", A), "rejected": B}
        )
        assert (
            reason(pair, {"prompt": Q, "chosen": A, "rejected": B, "score": "good"})
            == "score is not a number"
        )
        repeated = to_content(
            pair, {"prompt": Q, "chosen": turns(Q, A), "rejected": turns(Q, B), "score": "3"}
        )
        assert repeated.completions[0] == Completion("chosen", (assistant(A),), scores={"score": 3.0})

    def test_hh_texts(self):
        head = f"\n\nHuman: {Q}\n\nAssistant: It depends.\n\nHuman: On what?\n\nAssistant:"
        row = {"chosen": f"{head} The hour.\n\nAnd the weather.", "rejected": f"{head} Nothing. "}
        got = content(row)
        assert shape(row) is Shape.HH
        assert got.messages == (user(Q), assistant("It depends."), user("On what?"))
        assert got.completions[0].messages == (assistant("The hour.\n\nAnd the weather."),)
        assert got.completions[1].messages == (assistant("Nothing."),)

    def test_hh_texts_whose_reply_goes_on_by_itself_are_rejected(self):
        hh = Mapping(Shape.HH, {"chosen": "chosen", "rejected": "rejected"})
        chosen = f"\n\nHuman: {Q}\n\nAssistant: Hm.\n\nAssistant: {A}"
        rejected = f"\n\nHuman: {Q}\n\nAssistant: {B}"
        assert "answer different conversations" in reason(hh, {"chosen": chosen, "rejected": rejected})
        assert "turn 2 (assistant) is empty" in reason(
            hh, {"chosen": f"\n\nHuman: {Q}\n\nAssistant:", "rejected": rejected}
        )
        assert 'does not begin with "Human:"' in reason(hh, {"chosen": "Hi", "rejected": rejected})

    def test_a_single_transcript(self):
        row = {"text": f"Human: {Q}\n\nAssistant: {A}"}
        assert shape(row) is Shape.TRANSCRIPT
        assert content(row).messages == (user(Q), assistant(A))

    @pytest.mark.parametrize("rows", [{"messages": turns(Q, A)}, {"prompt": Q, "completion": A}])
    @pytest.mark.parametrize(("label", "said"), [(True, "true"), (False, "false"), ("True", "true")])
    def test_thumbs(self, rows, label, said):
        got = content({**rows, "label": label})
        assert shape({**rows, "label": label}) is Shape.UNPAIRED
        assert got.messages == (user(Q),)
        assert got.completions == (Completion("completion", (assistant(A),)),)
        assert got.labels == {"desirable": said} and got.chosen is None

    def test_reasons_of_thumbs(self):
        thumbs = Mapping(Shape.UNPAIRED, {"prompt": "messages", "label": "label"})
        assert "no reply that was judged" in reason(thumbs, {"messages": turns(Q), "label": True})
        assert reason(thumbs, {"messages": turns(Q, A), "label": 2}) == "label is neither true nor false"
        assert to_content(thumbs, {"messages": turns(Q, A), "label": 0}).labels == {"desirable": "false"}

    def test_candidates_in_columns(self):
        row = {"instruction": "Answer.", "input": Q, "response1": A, "response2": B, "annotator1": 2}
        got = content(row)
        assert shape(row) is Shape.CANDIDATES
        assert got.messages == (user(f"Answer.\n{Q}"),)
        assert [(c.key, c.messages) for c in got.completions] == [
            ("response1", (assistant(A),)),
            ("response2", (assistant(B),)),
        ]
        assert got.meta == {"annotator1": "2"} and got.chosen is None

    def test_candidates_in_a_list(self):
        row = {
            "prompt": Q,
            "completions": [
                {"model": "m1", "response": A, "overall_score": 9, "critique": "good"},
                {"model": "m2", "response": B},
            ],
        }
        got = content(row)
        assert got.completions == (
            Completion("m1", (assistant(A),), "m1", {"overall_score": 9.0}),
            Completion("m2", (assistant(B),), "m2"),
        )
        assert json.loads(got.meta["completions"]) == [{"critique": "good"}, {}]
        plain = content({"prompt": Q, "completions": [A, B]})
        assert [c.key for c in plain.completions] == ["1", "2"]
        mapping = recognise([row])
        assert reason(mapping, {"prompt": Q, "completions": []}) == "completions is empty"
        assert reason(mapping, {"prompt": Q, "completions": [""]}) == "completions: entry 1 is empty"


class TestPromptsAndTexts:
    def test_rlvr(self):
        row = {
            "messages": turns(Q),
            "ground_truth": "blue",
            "dataset": "string_matcher",
            "constraint": "one word",
        }
        got = content(row)
        assert shape(row) is Shape.RLVR
        assert (got.ground_truth, got.verifier, got.constraints) == ("blue", "string_matcher", "one word")
        assert not got.meta

    def test_verl(self):
        row = {
            "data_source": "openai/gsm8k",
            "prompt": turns("1+1?"),
            "ability": "math",
            "reward_model": {"style": "rule", "ground_truth": 2},
        }
        got = content(row)
        assert (got.messages, got.ground_truth, got.verifier) == ((user("1+1?"),), "2", "openai/gsm8k")
        assert json.loads(got.meta["reward_model"]) == row["reward_model"]

    @pytest.mark.parametrize(
        ("truth", "kept"),
        [(7, "7"), (["a", "b"], '["a","b"]'), ({"func": "f"}, '{"func":"f"}'), ("x", "x")],
    )
    def test_ground_truth_of_every_kind(self, truth, kept):
        mapping = Mapping(Shape.RLVR, {"prompt": "prompt", "ground_truth": "gt", "verifier": "v"})
        got = to_content(mapping, {"prompt": Q, "gt": truth, "v": ["math"]})
        assert (got.ground_truth, got.verifier) == (kept, "math")

    @pytest.mark.parametrize("truth", [None, "", " ", [], float("nan")])
    def test_rlvr_needs_a_truth(self, truth):
        mapping = Mapping(Shape.RLVR, {"prompt": "prompt", "ground_truth": "gt"})
        assert reason(mapping, {"prompt": Q, "gt": truth}) == "gt is empty"

    @pytest.mark.parametrize(
        "row",
        [{"id": "a", "prompt": Q}, {"question": Q}, {"instruction": Q}, {"doc": {"query": Q}, "idx": 0}],
    )
    def test_prompts_alone(self, row):
        assert shape(row) is Shape.PROMPT
        assert content(row).messages == (user(Q),)

    def test_turns_of_a_user(self):
        got = content({"question_id": 81, "category": "writing", "turns": ["Write.", "Again."]})
        assert got.messages == (user("Write."), user("Again.")) and got.meta["category"] == "writing"
        assert "turns: turn 2 is empty" in reason(
            Mapping(Shape.TURNS, {"turns": "turns"}), {"turns": ["a", ""]}
        )

    def test_a_document_is_one_user_turn_marked_as_text(self):
        got = content({"text": "Once upon a time.\n", "url": "https://example.org"})
        assert got == Content(
            (user("Once upon a time.\n"),), labels={"kind": "text"}, meta={"url": "https://example.org"}
        )

    def test_decon_references(self):
        row = {
            "eval_key": "sat",
            "eval_instance_index": 3,
            "split": "test",
            "question": Q,
            "answer": "blue",
            "passage": "Look up.",
            "config": None,
        }
        got = content(row)
        assert got.messages == (user(f"Look up.\n{Q}"), assistant("blue"))
        assert got.meta == {"eval_key": "sat", "eval_instance_index": "3", "split": "test"}

    def test_mbpp_and_human_eval(self):
        mbpp = {"text": "Add.", "code": "x = 1", "task_id": 1, "test_list": ["assert x"]}
        assert content(mbpp).messages == (user("Add."), assistant("x = 1"))
        assert content(mbpp).meta == {"task_id": "1", "test_list": '["assert x"]'}
        human = {
            "task_id": "H/0",
            "prompt": "def f():",
            "canonical_solution": " return 1",
            "test": "assert f()",
        }
        assert content(human).messages == (user("def f():"), assistant(" return 1"))

    def test_rows_of_a_message_tree_are_not_taken_for_documents(self):
        with pytest.raises(BadInput, match='"role"'):
            shape({"message_id": "1", "parent_id": None, "role": "prompter", "text": Q})

    def test_files_without_header(self):
        assert shape({"column_1": Q, "column_2": "blue", "column_3": "I looked."}) is Shape.QUESTION_ANSWER
        got = content({"column_1": Q, "column_2": "blue", "column_3": "I looked."})
        assert got.messages == (user(Q), assistant("blue")) and got.meta == {"column_3": "I looked."}
        mmlu = {f"column_{i}": v for i, v in enumerate((Q, "red", "blue", "green", "grey", "B"), 1)}
        assert content(mmlu).messages == (user(Q), assistant("B"))
        assert list(content(mmlu).meta.values()) == ["red", "blue", "green", "grey"]


class TestNotes:
    def test_columns_without_a_role_are_kept_in_meta(self):
        row = {
            "prompt": Q,
            "source": "web",
            "model": "m",
            "n": 3,
            "list": ["ü", 1],
            "none": None,
            "empty": "",
            "day": date(2024, 5, 1),
            "raw": b"\xff\x00",
            "price": Decimal("1.10"),
            "licence": "MIT",
        }
        got = content(row)
        assert got.licence == "MIT"
        assert got.meta == {
            "source": "web",
            "model": "m",
            "n": "3",
            "list": '["ü",1]',
            "empty": "",
            "day": '"2024-05-01"',
            "raw": '"/wA="',
            "price": '"1.10"',
        }

    def test_what_json_cannot_hold_is_said(self):
        deep = []
        for _ in range(400):
            deep = [deep]
        assert "deep cannot be kept as JSON" in reason(MESSAGES, {"messages": turns(Q), "deep": deep})
        assert "n cannot be kept as JSON" in reason(MESSAGES, {"messages": turns(Q), "n": 1 << 80})

    def test_constants_fill_roles_without_a_column(self):
        mapping = Mapping(
            Shape.RLVR,
            {"prompt": "q", "ground_truth": "a.final"},
            constants={"verifier": "gsm8k", "licence": "MIT", "system": "Think."},
        )
        got = to_content(mapping, {"q": Q, "a": {"final": 7}})
        assert (got.verifier, got.licence, got.ground_truth) == ("gsm8k", "MIT", "7")
        assert got.messages == (Message("system", "Think."), user(Q))

    def test_paths_reach_into_objects_and_lists_unless_a_column_is_called_so(self):
        mapping = Mapping(Shape.PROMPT, {"prompt": "a.b.0"})
        assert to_content(mapping, {"a": {"b": [Q]}}).messages == (user(Q),)
        assert to_content(mapping, {"a.b.0": A, "a": {"b": [Q]}}).messages == (user(A),)
        assert reason(mapping, {"a": {"b": []}}) == "a.b.0 is missing"

    def test_a_content_survives_the_store(self):
        row = {"prompt": Q, "chosen": A, "rejected": B, "score_chosen": 1, "n": 1}
        record = Record("1" * 32, "s", content(row))
        assert from_batch(to_batch([record])) == [record]


class TestOwnIds:
    @pytest.mark.parametrize(
        ("rows", "expected"),
        [
            ([{"id": "a"}, {"id": "b"}], "id"),
            ([{"id": "a"}, {"id": "a"}], None),
            ([{"id": "a"}, {"id": ""}], None),
            ([{"id": "a"}, {"id": None}], None),
            ([{"id": "a"}, {}], None),
            ([{"id": 1}, {"id": "1"}], None),
            ([{"id": True}, {"id": False}], None),
            ([{"id": [1]}, {"id": [2]}], None),
            ([{"uuid": 1, "id": 5}, {"uuid": 2, "id": 5}], "uuid"),
            ([{"question_id": 1, "answer_id": "x"}, {"question_id": 2, "answer_id": "y"}], "answer_id"),
            ([{"idx": 1}, {"idx": 2}], None),
        ],
    )
    def test_a_column_identifies_rows_if_every_value_is_a_scalar_of_its_own(self, rows, expected):
        assert recognise([{"prompt": Q, **row} for row in rows]).id == expected

    def test_ids_as_text(self):
        mapping = Mapping(Shape.PROMPT, {"prompt": "prompt"}, id="id")
        told = [own_id(mapping, {"id": value}) for value in (7, "x", None, "", True, [1], float("nan"))]
        assert told == ["7", "x", None, None, None, None, None]
        assert own_id(Mapping(Shape.PROMPT, {"prompt": "prompt"}), {"id": 7}) is None


class TestSaving:
    MAPPING = Mapping(
        Shape.CANDIDATES,
        {"prompt": "q", "completions": ("a", "b")},
        id="id",
        roles={"wizard": "assistant"},
        constants={"licence": "MIT"},
        unescape=True,
        options=Options(header=False, delimiter="\t", quoted=False),
    )

    def test_a_mapping_survives_json(self):
        saved = json.loads(json.dumps(self.MAPPING.as_dict()))
        assert Mapping.from_dict(saved) == self.MAPPING
        assert Mapping.from_dict({"shape": "text", "fields": {"text": "t"}}) == Mapping(
            Shape.TEXT, {"text": "t"}
        )

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ({"shape": "poem"}, 'There is no shape "poem"; there are messages'),
            ({"fields": {"prompt": "q"}}, "The shape candidates needs a column for completions"),
            ({"fields": {"prompt": "q", "completions": "c", "chosen": "x"}}, "has no chosen; it has prompt"),
            ({"fields": {"prompt": ["q"], "completions": "c"}}, "prompt needs the name of a column"),
            ({"fields": {"prompt": 5, "completions": "c"}}, "prompt needs the name of a column"),
            ({"fields": ["q"]}, "fields must be an object"),
            ({"roles": {"x": "wizard"}}, '"x" cannot be renamed to wizard: speakers are system'),
            ({"constants": {"prompt": "x"}}, "prompt cannot be a constant"),
            ({"options": {"sheet": 2}}, "Options has no sheet"),
            ({"options": {"delimiter": "ab"}}, "delimiter must be one character"),
            ({"options": {"header": "yes"}}, "header must be true, false or null"),
            ({"options": {"max_bytes": "9"}}, "max_bytes must be at least 1"),
            ({"constants": {"licence": 5}}, "licence cannot be a constant here"),
            ({"id": 5}, "id needs the name of a column"),
            ({"unescape": "no"}, "unescape must be true or false"),
            ({"colour": "blue"}, "A mapping has no colour"),
        ],
    )
    def test_a_wrong_mapping_explains_itself(self, change, sentence):
        with pytest.raises(BadConfig, match=sentence):
            Mapping.from_dict({**self.MAPPING.as_dict(), **change})


class TestRecognition:
    def test_what_fits_nothing_is_refused_with_its_columns_and_a_way_out(self):
        with pytest.raises(BadInput) as caught:
            recognise([{"user 1 personas": "a", "Best Generated Conversation": "b"}])
        said = str(caught.value)
        assert '"user 1 personas", "Best Generated Conversation"' in said
        example = said[said.index("{") : said.index("; the shapes")]
        assert Mapping.from_dict(json.loads(example)).shape is Shape.PROMPT_COMPLETION

    def test_rows_inside_one_object_are_pointed_at(self):
        with pytest.raises(BadInput, match='inside "data" of one object'):
            recognise([{"version": 2, "data": [{"title": "x"}]}])

    def test_a_few_rows_without_a_column_do_not_hide_it(self):
        rows = [{"question": Q, "answer": A}] * 3 + [{"question": Q}]
        assert shape(*rows) is Shape.QUESTION_ANSWER

    def test_a_proposal_needs_a_row(self, tmp_path):
        path = tmp_path / "x.jsonl"
        path.write_text("[1]\n")
        with pytest.raises(
            BadInput, match=r"no row to look at in 1 files; the first: x.jsonl, row 1, not an object"
        ):
            propose(find(str(path)).files)

    def test_a_proposal_holds_how_the_files_are_read(self, tmp_path):
        (tmp_path / "a.tsv").write_text('Why?\\n- "a"\tbecause\nHow?\tso\n')
        files = find(str(tmp_path)).files
        mapping = propose(files)
        assert mapping == Mapping(
            Shape.QUESTION_ANSWER,
            {"prompt": "column_1", "completion": "column_2"},
            unescape=True,
            options=Options(header=False, delimiter="\t", quoted=False),
        )
        first = next(item for item in read(files[0], options=mapping.options) if isinstance(item, Row))
        assert to_content(mapping, first.data).messages[0].content == 'Why?\n- "a"'

    def test_files_that_differ_are_looked_at_one_by_one(self, tmp_path):
        (tmp_path / "a.csv").write_text("question,answer\nWhy?,so\n")
        (tmp_path / "b.csv").write_text("question;answer\nHow?;so\n")
        files = find(str(tmp_path)).files
        mapping = propose(files)
        assert mapping.options.delimiter is None and mapping.options.header is True
        told = [item.data["question"] for file in files for item in read(file, options=mapping.options)]
        assert told == ["Why?", "How?"]


class TestContents:
    def test_a_file_comes_in_row_by_row_with_names_and_reasons(self, tmp_path):
        path = tmp_path / "x.jsonl"
        rows = [{"id": "a", "prompt": Q}, {"id": "", "prompt": Q}, {"id": "c", "prompt": " "}]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{\n")
        (file,) = find(str(path)).files
        mapping = Mapping(Shape.PROMPT, {"prompt": "prompt"}, id="id")
        first, second, *bad = contents(file, mapping)
        assert [(row.own, row.line) for row in (first, second)] == [("a", 1), ("x.jsonl#2", 2)]
        assert first.content.messages == (user(Q),)
        assert bad == [
            Reject("x.jsonl", 3, "prompt is empty", '{"id":"c","prompt":" "}'),
            Reject("x.jsonl", 4, "not valid JSON: unexpected end of data at character 2", "{"),
        ]
        assert list(contents(file, mapping, skip=1)) == [second, *bad]

    def test_the_excerpt_of_a_row_that_json_cannot_hold_names_its_columns(self, tmp_path):
        path = tmp_path / "x.jsonl"
        path.write_text('{"prompt": "", "deep": ' + "[" * 400 + "]" * 400 + "}\n")
        (reject,) = contents(find(str(path)).files[0], Mapping(Shape.PROMPT, {"prompt": "prompt"}))
        assert reject.excerpt == "['prompt', 'deep']"


class TestEscapes:
    @pytest.mark.parametrize(
        ("cell", "meaning"),
        [
            (r"Why?\nOptions:\n- a\n", "Why?\nOptions:\n- a\n"),
            (r"a\tb\\c", "a\tb\\c"),
            (r"\theta \nabla \neq \to \text{x}", r"\theta \nabla \neq \to \text{x}"),
            (r"\\theta", r"\theta"),
            (r"x\nthen \theta", "x\nthen \\theta"),
            (r"\frac{1}{2}", r"\frac{1}{2}"),
            ("no backslash", "no backslash"),
        ],
    )
    def test_escapes_are_turned_and_latex_survives(self, cell, meaning):
        assert unescaped(cell) == meaning

    @pytest.mark.parametrize(
        ("cells", "found"),
        [
            ([r"a\nb", "c"], True),
            ([r"a\nb", r"\theta"], False),
            ([r"\theta", r"\nabla", r"\to"], False),
            ([r"\frac{a}{b}\n"], False),
            (["nothing"], False),
            ([r"a\nb"] * 200 + [r"14th equals 3\14"], True),
        ],
    )
    def test_a_sample_decides(self, cells, found):
        assert are_escapes(cells) is found

    @given(st.text("ab\n\t\\", max_size=20))
    def test_what_was_escaped_comes_back(self, text):
        escaped = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
        assert unescaped(escaped) == text

    def test_a_mapping_says_whether_cells_are_unescaped(self):
        plain = Mapping(Shape.TEXT, {"text": "t"})
        row = {"t": r"a\nb"}
        assert to_content(plain, row).messages == (user(r"a\nb"),)
        assert compiled(replace(plain, unescape=True))(row).messages == (user("a\nb"),)
