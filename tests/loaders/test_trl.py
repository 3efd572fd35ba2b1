"""TRL trains a step on every profile that it takes, on the very texts that were exported."""

import json

import pytest

from tests.loaders.mixture import CALLS, CHATS, PAIRS, PROBLEMS, SEARCH, WEATHER, asked, told

EVERY_ROW = "parquet", "jsonl"
SIDES = [(content, content.completions[content.chosen].messages) for content in PAIRS]
OTHERS = [(content, content.completions[content.rejected].messages) for content in PAIRS]


@pytest.fixture
def trl(found):
    return found("newest", "with_trl")


def learned(step):
    """One step was taken, its loss was a number, and a weight of the model moved."""
    assert (step["steps"], step["finite"], step["moved"]) == (1, True, True)
    return step


def answer(turns):
    return told(turns).removeprefix("<|im_start|>assistant\n")


@pytest.mark.parametrize("form", EVERY_ROW)
def test_sft_learns_from_the_conversations_as_they_were(trl, form):
    assert learned(trl[f"sft chats {form}"])["input_ids"] == [told(content.messages) for content in CHATS]


@pytest.mark.parametrize("form", EVERY_ROW)
def test_sft_is_given_tools_calls_and_thinking(trl, form):
    texts = learned(trl[f"sft calls {form}"])["input_ids"]
    if form == "jsonl":  # objects again: the template writes them with its own spaces
        texts = [text.replace('": ', '":').replace(", ", ",") for text in texts]
        expected = [told(c.messages, c.tools).replace('": ', '":').replace(", ", ",") for c in CALLS]
    else:
        expected = [told(content.messages, content.tools) for content in CALLS]
    assert texts == expected


def called(text):
    """The arguments of the call in a conversation that Qwen's template wrote."""
    return json.loads(text.rpartition("<tool_call>")[2].partition("</tool_call>")[0])["arguments"]


@pytest.mark.parametrize("form", EVERY_ROW)
def test_arguments_of_different_tools_stay_apart_in_a_template_that_takes_text(trl, form):
    assert [called(text) for text in trl[f"qwen3 {form}"][:2]] == [WEATHER, SEARCH]


def test_a_template_that_takes_objects_needs_json_lines(trl):
    """Qwen 2.5, Llama 3.1, gpt-oss and others write arguments `| tojson`: text would be written as text."""
    assert [called(text) for text in trl["qwen2_5 jsonl"][:2]] == [WEATHER, SEARCH]
    assert [json.loads(called(text)) for text in trl["qwen2_5 parquet"][:2]] == [WEATHER, SEARCH]


@pytest.mark.parametrize("form", EVERY_ROW)
def test_dpo_compares_the_two_answers_to_their_prompt(trl, form):
    step = learned(trl[f"dpo {form}"])
    assert step["prompt_ids"] == [asked(content.messages) for content in PAIRS]
    assert step["chosen_ids"] == [answer(turns) for _, turns in SIDES]
    assert step["rejected_ids"] == [answer(turns) for _, turns in OTHERS]


def test_kto_takes_a_pair_as_a_good_and_a_bad_answer(trl):
    step = learned(trl["kto"])
    assert step["completion_ids"] == [answer(turns) for _, turns in SIDES + OTHERS]
    assert step["label"] == [True] * 3 + [False] * 3


def test_a_reward_model_reads_both_conversations_whole(trl):
    step = learned(trl["reward"])
    assert step["chosen_ids"] == [told((*content.messages, *turns)) for content, turns in SIDES]
    assert step["rejected_ids"] == [told((*content.messages, *turns)) for content, turns in OTHERS]


@pytest.mark.parametrize("form", EVERY_ROW)
def test_grpo_hands_the_answer_to_the_reward_function(trl, form):
    seen = learned(trl[f"grpo {form}"])["seen"]
    expected = {content.messages[-1].content: content.ground_truth for content in PROBLEMS}
    assert {asked: columns["answer"] for asked, columns in seen.items()} == expected
    assert {columns["verifier"] for columns in seen.values()} == {"gsm8k"}
