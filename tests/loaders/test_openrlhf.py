"""OpenRLHF's datasets for SFT, DPO, reward models and reinforcement learning."""

import pytest

from tests.loaders.mixture import CALLS, CHATS, PAIRS, PROBLEMS, answers, asked, told


@pytest.fixture
def openrlhf(found):
    return found("newest", "with_openrlhf")


def whole(made):
    return [*map(str.__add__, made["prompts"], made["responses"])]


def test_sft_learns_the_last_turn_of_every_conversation(openrlhf):
    made = openrlhf["chats"]
    assert whole(made) == [told(content.messages) for content in CHATS]
    assert made["prompts"] == [asked(content.messages[:-1]) for content in CHATS]


def test_with_multiturn_it_learns_every_answer(openrlhf):
    said = openrlhf["turns"]["learned"]
    assert said[:2] == [
        "\nThe Loire.<|im_end|>",
        "\nAt six, if the fog lifts.<|im_end|>\nThen at seven.<|im_end|>",
    ]


def test_tool_calls_arrive_and_the_tools_themselves_do_not(openrlhf):
    """Its SFT dataset never hands `tools` to the chat template."""
    texts = whole(openrlhf["calls"])
    assert texts == [told(content.messages, objects=True) for content in CALLS]


@pytest.mark.parametrize("kind", ["dpo", "reward"])
def test_pairs_are_read_with_their_prompt(openrlhf, kind):
    made = openrlhf[kind]
    assert made["prompts"] == [asked(content.messages) for content in PAIRS]
    assert (made["chosen"], made["rejected"]) == (answers("chosen"), answers("rejected"))


def test_prompts_come_with_their_label(openrlhf):
    made = openrlhf["prompts"]
    assert made["prompts"] == [asked(content.messages) for content in PROBLEMS]
    assert made["labels"] == ["72", "42", "4"]
