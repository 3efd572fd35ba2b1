"""OpenRLHF's datasets for SFT, DPO, reward models and reinforcement learning."""

import pytest

from tests.loaders.mixture import CALLS, CHATS, PAIRS, PROBLEMS, answers, asked, told


@pytest.fixture
def openrlhf(found):
    return found("newest", "with_openrlhf")


def whole(made):
    return [*map(str.__add__, made["prompts"], made["responses"])]


@pytest.mark.parametrize("profile", ["sft_messages", "sft_prompt_completion"])
def test_sft_learns_the_last_turn_of_every_conversation(openrlhf, profile):
    made = openrlhf[f"{profile} chats"]
    assert whole(made) == [told(content.messages) for content in CHATS]
    assert made["prompts"] == [asked(content.messages[:-1]) for content in CHATS]


def test_with_multiturn_it_learns_every_answer(openrlhf):
    """Its mask begins one token early, as a token is learned from the one before it."""
    assert openrlhf["sft_messages multiturn"]["learned"][:2] == [
        "\nThe Loire.<|im_end|>",
        "\nAt six, if the fog lifts.<|im_end|>\nThen at seven.<|im_end|>",
    ]


def test_tool_calls_arrive_and_the_tools_themselves_do_not(openrlhf):
    """Its SFT dataset never hands `tools` to the chat template."""
    texts = whole(openrlhf["sft_messages objects"])
    assert texts == [told(content.messages, objects=True) for content in CALLS]


@pytest.mark.parametrize("kind", ["pref_explicit dpo", "pref_explicit reward", "pref_implicit dpo"])
def test_pairs_are_read_with_their_prompt(openrlhf, kind):
    made = openrlhf[kind]
    assert made["prompts"] == [asked(content.messages) for content in PAIRS]
    assert (made["chosen"], made["rejected"]) == (answers("chosen"), answers("rejected"))


@pytest.mark.parametrize("profile", ["prompts", "rlvr_prompt"])
def test_prompts_come_with_their_label(openrlhf, profile):
    made = openrlhf[profile]
    assert made["prompts"] == [asked(content.messages) for content in PROBLEMS]
    assert made["labels"] == ["72", "42", "4"]
