"""Conversations, as lists of messages or of ShareGPT's turns: what comes in, and every reason not to."""

import json
from dataclasses import replace

import pytest

from curation.engine.mapping import Mapping, Shape, to_content
from curation.engine.records import Content, Message
from tests.curation.engine.making import MESSAGES, A, Q, assistant, content, reason, shape, turns, user


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
