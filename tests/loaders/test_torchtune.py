"""torchtune's dataset builders, which are no longer developed and still used."""

import pytest

from tests.loaders.mixture import CHATS, LONG, PAIRS, told


@pytest.fixture
def torchtune(found):
    return found("bounded", "with_torchtune")


def test_chat_dataset_reads_the_conversations_as_they_were(torchtune):
    made = torchtune["sft_messages chats"]
    assert made["texts"] == [told(content.messages) for content in CHATS]
    answers = [m for m in CHATS[1].messages if m.role == "assistant"]
    assert made["learned"][1] == "".join(told([answer]) for answer in answers)


def test_a_row_of_a_megabyte_arrives_whole(torchtune):
    assert torchtune["sft_messages long"] == [told(content.messages) for content in LONG]


def test_conversations_with_calls_are_refused(torchtune):
    """It knows of no answer to a tool, and fills a turn without a text with that of the turn before."""
    assert torchtune["sft_messages calls"].startswith("Assistant message before expected user message")


@pytest.mark.parametrize("side", ["chosen", "rejected"])
def test_preference_dataset_reads_both_conversations(torchtune, side):
    whole = [(*pair.messages, *pair.completions[getattr(pair, side)].messages) for pair in PAIRS]
    assert torchtune[f"pref_implicit {side}"]["texts"] == [told(turns) for turns in whole]


def test_alpaca_dataset_leaves_out_system_prompt_and_history(torchtune):
    text = torchtune["alpaca chats"]["texts"][1]
    assert "And if it does not?" in text and "ferry" not in text and "harbour" not in text
