"""The readers' schemas, written down without the exporters: each refuses what its reader would."""

import copy

import pytest

from curation.engine.errors import BadConfig
from curation.engine.exporters import PROFILES
from curation.engine.exporters.validating import READERS, problems, validate

USER, SAYS = {"role": "user", "content": "Is it?"}, {"role": "assistant", "content": "It is."}
NO = {"role": "assistant", "content": "No."}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
HUMAN, GPT = {"from": "human", "value": "Is it?"}, {"from": "gpt", "value": "It is."}
FUNCTION = {"from": "function_call", "value": '<think>\nhm\n</think>\n\n{"name": "f", "arguments": {}}'}
GOOD = {
    "sft_messages": {"messages": [USER, SAYS], "tools": "[{}]", "images": ["a.png"]},
    "sft_prompt_completion": {"prompt": [USER], "completion": [SAYS]},
    "pref_explicit": {"prompt": [USER], "chosen": [SAYS], "rejected": [NO], "margin": 0.5},
    "pref_implicit": {"chosen": [USER, SAYS], "rejected": [USER, NO]},
    "unpaired": {"prompt": [USER], "completion": [SAYS], "label": True},
    "rlvr_open_instruct": {"messages": [USER], "ground_truth": "72", "dataset": "gsm8k"},
    "rlvr_verl": {
        "prompt": [USER],
        "data_source": "openai/gsm8k",
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": "72"},
        "extra_info": {"split": "train", "index": 0},
    },
    "rlvr_prompt": {"prompt": [USER], "answer": "72"},
    "prompts": {"prompt": [USER]},
    "openai_sft": {
        "messages": [
            USER,
            {"role": "assistant", "tool_calls": [CALL]},
            {"role": "tool", "content": "3", "tool_call_id": "c1"},
            SAYS | {"weight": 1},
        ],
        "tools": [{"type": "function"}],
    },
    "openai_dpo": {"input": {"messages": [USER]}, "preferred_output": [SAYS], "non_preferred_output": [NO]},
    "llamafactory_sft": {
        "conversations": [HUMAN, FUNCTION, {"from": "observation", "value": "3"}, GPT],
        "system": "",
        "tools": "[]",
    },
    "llamafactory_preference": {
        "conversations": [HUMAN],
        "chosen": GPT,
        "rejected": FUNCTION,
        "system": "",
        "tools": "",
    },
    "llamafactory_kto": {"conversations": [HUMAN, GPT], "kto_tag": False, "system": "Be brief."},
    "alpaca": {
        "instruction": "Is it?",
        "input": "",
        "output": "It is.",
        "system": "",
        "history": [["a", "b"]],
    },
    "stepwise": {"prompt": "Is it?", "completions": ["Well.", "It is."], "labels": [True, False]},
    "nemo_rl": {
        "context": [USER],
        "completions": [{"rank": 0, "completion": [SAYS]}, {"rank": 1, "completion": [NO]}],
    },
}
BAD = [
    ("sft_messages", ("messages", []), "no list of turns"),
    ("sft_messages", ("messages", [USER]), "does not end with assistant"),
    ("sft_messages", ("messages", [USER, {"role": "bot", "content": "x"}, SAYS]), "of the role bot"),
    ("sft_messages", ("messages", [USER, {"role": "assistant", "content": None}]), "without content"),
    ("sft_messages", ("tools", "{}"), "tools that are no list"),
    ("sft_prompt_completion", ("completion", [USER]), "does not end with assistant"),
    ("pref_explicit", ("rejected", [SAYS]), "the same on both sides"),
    ("pref_explicit", ("prompt", [USER, SAYS]), "a prompt that ends with assistant"),
    ("pref_explicit", ("margin", "much"), "margin that is no number"),
    ("pref_implicit", ("rejected", [NO, NO]), "begin differently"),
    ("unpaired", ("label", "true"), "not true or false"),
    ("rlvr_open_instruct", ("dataset_source", "x"), "keeps for itself"),
    ("rlvr_open_instruct", ("dataset", None), "neither text nor a list"),
    ("rlvr_verl", ("reward_model", {"style": "x", "ground_truth": "72"}), "neither rule nor model"),
    ("rlvr_verl", ("extra_info", {"split": "train", "index": "0"}), "without index and split"),
    ("rlvr_verl", ("data_source", None), "data_source that is no text"),
    ("rlvr_prompt", ("answer", 72), "answer that is no text"),
    ("prompts", ("prompt", [USER, SAYS]), "does not end with user"),
    ("openai_sft", ("id", "x"), "unknown key id"),
    ("openai_sft", ("messages", [USER, SAYS | {"name": None}]), "with a null"),
    ("openai_sft", ("messages", [USER, {"role": "tool", "content": "3"}, SAYS]), "answers no open call"),
    ("openai_sft", ("tools", "[]"), "tools that are no list"),
    ("openai_dpo", ("preferred_output", [SAYS, SAYS]), "not one assistant turn"),
    ("llamafactory_sft", ("conversations", [HUMAN, HUMAN, GPT]), "leaves the row out"),
    ("llamafactory_sft", ("conversations", [HUMAN, {"from": "function_call", "value": "f()"}]), "no JSON"),
    ("llamafactory_sft", ("messages", [USER, SAYS, USER]), "a number of turns"),
    ("llamafactory_preference", ("chosen", HUMAN), "chosen of human"),
    ("llamafactory_kto", ("kto_tag", 1), "not true or false"),
    ("llamafactory_kto", ("system", None), "system that is no text"),
    ("alpaca", ("history", [["a"]]), "other things than question and answer"),
    ("alpaca", ("output", ""), "has no output"),
    ("stepwise", ("labels", [True]), "one label for each step"),
    ("stepwise", ("labels", [1, 0]), "not true or false"),
    ("nemo_rl", ("completions", GOOD["nemo_rl"]["completions"][:1]), "ranks other than 0 and 1"),
]


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_has_a_reader_that_takes_a_row_written_by_hand(name):
    assert problems(name, GOOD[name]) == []


@pytest.mark.parametrize(("name", "change", "said"), BAD)
def test_a_reader_refuses_what_its_program_would(name, change, said):
    column, value = change
    found = problems(name, copy.deepcopy(GOOD[name]) | {column: value})
    assert any(said in one for one in found), found


@pytest.mark.parametrize("name", PROFILES)
def test_a_row_of_another_shape_is_a_sentence_and_no_crash(name):
    *_, said = problems(name, {"text": "x"})
    assert "lacks something" in said or "unknown key" in said


def test_problems_carry_the_number_of_their_row():
    assert [number for number, _ in validate("prompts", [GOOD["prompts"], {}, GOOD["prompts"], {}])] == [1, 3]
    assert READERS.keys() == PROFILES.keys()
    with pytest.raises(BadConfig, match="There is no reader of chatml"):
        problems("chatml", {})
