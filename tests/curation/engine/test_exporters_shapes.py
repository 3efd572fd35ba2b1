"""One row of each profile, written out."""

import json

import pytest

from curation.engine.exporters import PROFILES
from curation.engine.records import Completion, Content, Message, record_id
from tests.curation.engine.making import made

SYSTEM, ASK = Message("system", "Be brief."), Message("user", "How deep?")
CALLS = '[{"id": "c7", "function": {"name": "sound", "arguments": {"at": [1, "x"]}}}]'
CALLING = Message("assistant", None, tool_calls=CALLS, thinking="Measure.")
RESULT, ANSWER = Message("tool", "4 m", name="sound"), Message("assistant", "Four metres.", thinking="So.")
TOOLS = '[{"type":"function","function":{"name":"sound"}}]'
COMPLETED = TOOLS.replace('"sound"', '"sound","parameters":{"type":"object","properties":{}}')
COMPLETED = COMPLETED.replace(":", ": ").replace(",", ", ")  # LLaMA-Factory needs them
CHAT = Content((SYSTEM, ASK, ANSWER, Message("user", "Sure?"), Message("assistant", "Yes.")))
TALK = Content((SYSTEM, ASK, CALLING, RESULT, ANSWER), tools=TOOLS)
PAIR = Content(
    (SYSTEM, ASK),
    (
        Completion("a", (Message("assistant", "Four metres."),), scores={"score": 4.5, "rank": 1}),
        Completion("b", (Message("assistant", "Who knows."),), scores={"score": 1.0, "rank": 2}),
    ),
    0,
    1,
    ground_truth="4",
    verifier="gsm8k",
)
PLAIN = Message("assistant", "Four metres.")
ID = record_id("src", "0")
ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How deep?"}]
GOOD, BAD = ({"role": "assistant", "content": text} for text in ("Four metres.", "Who knows."))
HUMAN = {"from": "human", "value": "How deep?"}
GPT, OTHER = ({"from": "gpt", "value": text} for text in ("Four metres.", "Who knows."))
VERL = {
    "prompt": ASKED,
    "data_source": "openai/gsm8k",
    "ability": "math",
    "reward_model": {"style": "rule", "ground_truth": "4"},
    "extra_info": {"split": "train", "index": int(ID[:13], 16), "id": ID},
}
ROWS = [
    (
        "pref_explicit",
        PAIR,
        [{"prompt": ASKED, "chosen": [GOOD], "rejected": [BAD], "margin": 3.5, "id": ID}],
    ),
    ("pref_implicit", PAIR, [{"chosen": [*ASKED, GOOD], "rejected": [*ASKED, BAD], "margin": 3.5, "id": ID}]),
    (
        "unpaired",
        PAIR,
        [
            {"prompt": ASKED, "completion": [GOOD], "label": True, "id": ID},
            {"prompt": ASKED, "completion": [BAD], "label": False, "id": ID},
        ],
    ),
    ("rlvr_open_instruct", PAIR, [{"messages": ASKED, "ground_truth": "4", "dataset": "gsm8k", "id": ID}]),
    ("rlvr_verl", PAIR, [VERL]),
    ("rlvr_prompt", PAIR, [{"prompt": ASKED, "answer": "4", "verifier": "gsm8k", "id": ID}]),
    (
        "openai_dpo",
        PAIR,
        [{"input": {"messages": ASKED}, "preferred_output": [GOOD], "non_preferred_output": [BAD]}],
    ),
    (
        "llamafactory_preference",
        PAIR,
        [{"conversations": [HUMAN], "chosen": GPT, "rejected": OTHER, "system": "Be brief.", "id": ID}],
    ),
    (
        "llamafactory_kto",
        PAIR,
        [
            {"conversations": [HUMAN, GPT], "kto_tag": True, "system": "Be brief.", "id": ID},
            {"conversations": [HUMAN, OTHER], "kto_tag": False, "system": "Be brief.", "id": ID},
        ],
    ),
    (
        "nemo_rl",
        PAIR,
        [
            {
                "context": ASKED,
                "completions": [{"rank": 0, "completion": [GOOD]}, {"rank": 1, "completion": [BAD]}],
                "id": ID,
            }
        ],
    ),
    (
        "alpaca",
        CHAT,
        [
            {
                "instruction": "Sure?",
                "input": "",
                "output": "Yes.",
                "system": "Be brief.",
                "history": [["How deep?", "<think>\nSo.\n</think>\n\nFour metres."]],
                "id": ID,
            }
        ],
    ),
    (
        "llamafactory_sft",
        TALK,
        [
            {
                "conversations": [
                    HUMAN,
                    {
                        "from": "function_call",
                        "value": '<think>\nMeasure.\n</think>\n\n{"name": "sound", "arguments": {"at":[1,"x"]}}',
                    },
                    {"from": "observation", "value": "4 m"},
                    {"from": "gpt", "value": "<think>\nSo.\n</think>\n\nFour metres."},
                ],
                "system": "Be brief.",
                "tools": COMPLETED,
                "id": ID,
            }
        ],
    ),
    (
        "stepwise",
        Content((ASK,), PAIR.completions, meta={"labels": "[true, false]"}),
        [
            {
                "prompt": "How deep?",
                "completions": ["Four metres.", "Who knows."],
                "labels": [True, False],
                "id": ID,
            }
        ],
    ),
]


@pytest.mark.parametrize(("profile", "content", "rows"), ROWS, ids=[name for name, *_ in ROWS])
def test_a_record_becomes(profile, content, rows):
    exporter, batch = made(profile, content)
    assert exporter.rows(PROFILES[profile].formats[-1], batch) == rows


def test_openai_gets_ids_for_calls_objects_for_tools_and_no_null():
    spoken = [Message(m.role, m.content, m.name, m.tool_calls) for m in TALK.messages]
    exporter, batch = made("openai_sft", Content(tuple(spoken), tools=TOOLS), CHAT)
    (row,) = exporter.rows("jsonl", batch)
    assert row["tools"] == json.loads(TOOLS) and row.keys() == {"messages", "tools"}
    assert row["messages"][2:4] == [
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "c7", "type": "function", "function": {"name": "sound", "arguments": '{"at":[1,"x"]}'}}
            ],
        },
        {"role": "tool", "content": "4 m", "name": "sound", "tool_call_id": "c7"},
    ]
    assert row["messages"][4] == {"role": "assistant", "content": "Four metres."}


def test_weights_that_an_import_kept_are_those_of_their_turns():
    weighed = {"messages": '[{}, {"weight": 0}, {}, {"weight": 1}]'}
    turns = (ASK, Message("assistant", "Deep."), ASK, Message("assistant", "Four metres."))
    exporter, batch = made("openai_sft", Content(turns, meta=weighed), Content(turns[:2], meta=weighed))
    first, second = exporter.rows("jsonl", batch)
    assert [turn.get("weight") for turn in first["messages"]] == [None, 0, None, 1]
    assert [turn.get("weight") for turn in second["messages"]] == [None, None]


def test_two_calls_are_answered_by_name_and_by_order():
    calls = '[{"function": {"name": "f"}}, {"function": {"name": "g"}}]'
    call, g, other = (
        Message("assistant", None, tool_calls=calls),
        Message("tool", "2", name="g"),
        Message("tool", "1"),
    )
    exporter, batch = made("openai_sft", Content((ASK, call, g, other, PLAIN)))
    (row,) = exporter.rows("jsonl", batch)
    assert [turn.get("tool_call_id") for turn in row["messages"]] == [None, None, "call_2", "call_1", None]


@pytest.mark.parametrize("turns", [(ASK, RESULT), (ASK, CALLING), (ASK, CALLING, RESULT, RESULT)])
def test_calls_and_results_that_do_not_belong_together_are_skipped(turns):
    spoken = [Message(m.role, m.content, m.name, m.tool_calls) for m in turns]
    _, batch = made("openai_sft", Content((*spoken, PLAIN)))
    assert batch.num_rows == 0


FULL = {"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"]}


@pytest.mark.parametrize(
    ("given", "parameters"),
    [
        ({"name": "sound"}, {"type": "object", "properties": {}}),
        ({"name": "sound", "parameters": None}, {"type": "object", "properties": {}}),
        ({"name": "sound", "parameters": {"title": "é"}}, {"type": "object", "title": "é", "properties": {}}),
        ({"name": "sound", "parameters": {"properties": None}}, {"type": "object", "properties": {}}),
        ({"name": "sound", "parameters": FULL}, FULL),
    ],
)
def test_every_tool_has_parameters_with_properties_for_llama_factory(given, parameters):
    """It reads `tool["parameters"]["properties"]` of each and ends with a KeyError where one has none."""
    whole = given | {"parameters": parameters}
    for tool, expected in ((given, whole), ({"function": given}, {"type": "function", "function": whole})):
        text = json.dumps([tool, {"a": 1}])
        (row,) = made("llamafactory_sft", Content((ASK, ANSWER), tools=text))[1].to_pylist()
        assert json.loads(row["tools"]) == [expected, {"a": 1}]


def test_tools_that_are_complete_stay_the_same_text():
    text = '[{"type": "function", "function": {"name": "sound","parameters":{"properties":{"at":{}}}}}]'
    assert made("llamafactory_sft", Content((ASK, ANSWER), tools=text))[1].to_pylist()[0]["tools"] == text


def test_a_chat_without_tools_keeps_its_messages_for_llama_factory():
    exporter, batch = made("llamafactory_sft", CHAT)
    (row,) = exporter.rows("jsonl", batch)
    assert row["messages"][0] == {"role": "system", "content": "Be brief."}
    assert row["messages"][2] == {"role": "assistant", "content": "<think>\nSo.\n</think>\n\nFour metres."}


def test_what_follows_the_last_question_is_the_completion():
    _, batch = made("sft_prompt_completion", TALK)
    (row,) = batch.to_pylist()
    assert [turn["role"] for turn in row["prompt"]] == ["system", "user"]
    assert [turn["role"] for turn in row["completion"]] == ["assistant", "tool", "assistant"]


def test_images_go_along_by_reference_where_a_profile_has_a_place_for_them():
    seen = Content(
        PAIR.messages, PAIR.completions, 0, 1, ground_truth="4", verifier="gsm8k", images=("a.png",)
    )
    carried = [name for name in PROFILES if made(name, seen)[1].num_rows]
    assert carried == ["sft_messages", "pref_explicit", "prompts"]
    assert [row["images"] for row in made("prompts", seen, PAIR)[1].to_pylist()] == [["a.png"], []]
