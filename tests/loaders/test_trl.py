"""TRL trains a step on every profile that it takes, on the very texts that were exported."""

import json

import pytest

from tests.loaders.mixture import CALLS, CHATS, LONG, PAIRS, PROBLEMS, SEARCH, WEATHER, answers, asked, told


@pytest.fixture
def trl(found):
    return found("newest", "with_trl")


def learned(step):
    """One step was taken, its loss was a number, and a weight of the model moved."""
    assert (step["steps"], step["finite"], step["moved"]) == (1, True, True)
    return step


def test_sft_learns_from_the_conversations_as_they_were(trl):
    assert learned(trl["sft_messages chats"])["input_ids"] == [told(content.messages) for content in CHATS]


@pytest.mark.parametrize("form", ["calls", "objects"])
def test_sft_is_given_tools_calls_and_thinking(trl, form):
    expected = [told(content.messages, content.tools, objects=form == "objects") for content in CALLS]
    assert learned(trl[f"sft_messages {form}"])["input_ids"] == expected


def test_a_row_of_a_megabyte_arrives_whole(trl):
    assert len(LONG[0].messages[1].content.encode()) > 2**20
    assert trl["sft_messages long"] == [told(content.messages) for content in LONG]


def test_rows_with_images_ask_for_a_model_that_sees(trl):
    assert trl["sft_messages seen"].startswith("The dataset appears to be vision-related")


def test_sft_learns_only_the_completion_of_a_prompt(trl):
    step = learned(trl["sft_prompt_completion calls"])
    assert step["input_ids"] == [told(content.messages, content.tools) for content in CALLS]
    after = [content.messages[1:] for content in CALLS]
    assert step["learned"] == [told(turns).removeprefix("<|im_start|>assistant\n") for turns in after]


def called(text):
    """The arguments of the call in a conversation that Qwen's template wrote."""
    return json.loads(text.rpartition("<tool_call>")[2].partition("</tool_call>")[0])["arguments"]


def test_arguments_of_different_tools_stay_apart_in_a_template_that_takes_text(trl):
    assert [called(text) for text in trl["qwen3 calls"][:2]] == [WEATHER, SEARCH]


def test_a_template_that_takes_objects_needs_json_lines_with_objects(trl):
    """Qwen 2.5, Llama 3.1, gpt-oss and others write arguments `| tojson`: text would be written as text."""
    assert [called(text) for text in trl["qwen2_5 objects"][:2]] == [WEATHER, SEARCH]
    assert [json.loads(called(text)) for text in trl["qwen2_5 calls"][:2]] == [WEATHER, SEARCH]


def test_thinking_is_written_by_a_template_that_has_a_place_for_it(trl):
    assert "<think>\nThe tool says rain.\n</think>" in trl["qwen3 calls"][0]
    assert "The tool says rain." not in trl["qwen2_5 calls"][0]


@pytest.mark.parametrize("profile", ["pref_explicit", "pref_implicit"])
def test_dpo_compares_the_two_answers_to_their_prompt(trl, profile):
    step = learned(trl[f"{profile} dpo"])
    assert step["prompt_ids"] == [asked(content.messages) for content in PAIRS]
    assert (step["chosen_ids"], step["rejected_ids"]) == (answers("chosen"), answers("rejected"))


def test_kto_takes_a_pair_as_a_good_and_a_bad_answer(trl):
    step = learned(trl["pref_explicit kto"])
    assert step["completion_ids"] == answers("chosen") + answers("rejected")
    assert step["label"] == [True] * 3 + [False] * 3


def test_kto_takes_judged_answers_with_their_prompts(trl):
    step = learned(trl["unpaired kto"])
    both = zip(answers("chosen"), answers("rejected"), strict=True)
    assert step["completion_ids"] == [answer for pair in both for answer in pair]
    assert step["prompt_ids"] == [asked(content.messages) for content in PAIRS for _ in range(2)]
    assert step["label"] == [True, False] * 3


def test_a_reward_model_reads_both_conversations_whole(trl):
    step = learned(trl["pref_implicit reward"])
    prompts = [asked(content.messages) for content in PAIRS]
    for side in ("chosen", "rejected"):
        assert step[f"{side}_ids"] == [*map(str.__add__, prompts, answers(side))]


@pytest.mark.parametrize("profile", ["prompts", "rlvr_prompt"])
def test_grpo_hands_the_answer_to_the_reward_function(trl, profile):
    seen = learned(trl[f"{profile} grpo"])["seen"]
    expected = {content.messages[-1].content: content.ground_truth for content in PROBLEMS}
    assert {question: columns["answer"] for question, columns in seen.items()} == expected
    assert {columns["verifier"] for columns in seen.values()} == {"gsm8k"}


def test_process_rewards_are_one_label_a_step(found):
    """Its trainer is no longer in TRL 1.16; the last one that LLaMA-Factory allows has it."""
    prm = found("bounded", "with_prm")
    ((text, labels),) = prm["stepwise"]
    assert text.startswith("What is 3 times 4, plus 1?Three times four is twelve.\nOne more")
    assert labels == [1, 1, 0] and 0 < prm["loss"] < 10
