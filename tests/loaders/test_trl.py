"""TRL trains a step on every profile that it takes, on the very texts that were exported."""

import json

import pytest

from tests.loaders.mixture import CALLS, CHATS, PAIRS, PROBLEMS, SEARCH, WEATHER, answers, asked, told

FORMS = "parquet", "jsonl"


@pytest.fixture
def trl(found):
    return found("newest", "with_trl")


def learned(step):
    """One step was taken, its loss was a number, and a weight of the model moved."""
    assert (step["steps"], step["finite"], step["moved"]) == (1, True, True)
    return step


def test_sft_learns_from_the_conversations_as_they_were(trl):
    assert learned(trl["chats"])["input_ids"] == [told(content.messages) for content in CHATS]


@pytest.mark.parametrize("form", FORMS)
def test_sft_is_given_tools_calls_and_thinking(trl, form):
    expected = [told(content.messages, content.tools, objects=form == "jsonl") for content in CALLS]
    assert learned(trl[f"calls {form}"])["input_ids"] == expected


def called(text):
    """The arguments of the call in a conversation that Qwen's template wrote."""
    return json.loads(text.rpartition("<tool_call>")[2].partition("</tool_call>")[0])["arguments"]


@pytest.mark.parametrize("form", FORMS)
def test_arguments_of_different_tools_stay_apart_in_a_template_that_takes_text(trl, form):
    assert [called(text) for text in trl[f"qwen3 {form}"][:2]] == [WEATHER, SEARCH]


def test_a_template_that_takes_objects_needs_json_lines(trl):
    """Qwen 2.5, Llama 3.1, gpt-oss and others write arguments `| tojson`: text would be written as text."""
    assert [called(text) for text in trl["qwen2_5 jsonl"][:2]] == [WEATHER, SEARCH]
    assert [json.loads(called(text)) for text in trl["qwen2_5 parquet"][:2]] == [WEATHER, SEARCH]


def test_dpo_compares_the_two_answers_to_their_prompt(trl):
    step = learned(trl["dpo"])
    assert step["prompt_ids"] == [asked(content.messages) for content in PAIRS]
    assert step["chosen_ids"] == answers("chosen")
    assert step["rejected_ids"] == answers("rejected")


def test_kto_takes_a_pair_as_a_good_and_a_bad_answer(trl):
    step = learned(trl["kto of pairs"])
    assert step["completion_ids"] == answers("chosen") + answers("rejected")
    assert step["label"] == [True] * 3 + [False] * 3


def test_a_reward_model_reads_both_conversations_whole(trl):
    step = learned(trl["reward of pairs"])
    prompts = [asked(content.messages) for content in PAIRS]
    for side in ("chosen", "rejected"):
        assert step[f"{side}_ids"] == [*map(str.__add__, prompts, answers(side))]


def test_grpo_hands_the_answer_to_the_reward_function(trl):
    seen = learned(trl["grpo"])["seen"]
    expected = {content.messages[-1].content: content.ground_truth for content in PROBLEMS}
    assert {asked: columns["answer"] for asked, columns in seen.items()} == expected
    assert {columns["verifier"] for columns in seen.values()} == {"gsm8k"}
