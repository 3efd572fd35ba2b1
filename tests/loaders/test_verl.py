"""verl's dataset classes."""

import pytest

from tests.loaders.mixture import CHATS, PROBLEMS, told


@pytest.fixture
def verl(found):
    return found("bounded", "with_verl")


def test_multi_turn_sft_learns_every_answer_and_nothing_else(verl):
    made = verl["chats"]
    assert made["texts"] == [told(content.messages) for content in CHATS]
    assert made["learned"][1] == "At six, if the fog lifts.<|im_end|>\nThen at seven.<|im_end|>\n"


def test_multi_turn_sft_refuses_tools_as_text(verl):
    """It wants structs, which cannot hold two different tools without filling each with the other's keys."""
    assert "Tools should either be a JSON schema" in verl["calls"]["refused"]


def test_prompts_arrive_as_messages(verl):
    rows = verl["prompts"]
    prompts = [[{"role": m.role, "content": m.content} for m in content.messages] for content in PROBLEMS]
    assert [row["raw_prompt"] for row in rows] == prompts
