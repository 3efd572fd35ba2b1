"""verl's dataset classes and its scorers."""

import pytest

from tests.loaders.mixture import CHATS, PROBLEMS, told


@pytest.fixture
def verl(found):
    return found("bounded", "with_verl")


def test_multi_turn_sft_learns_every_answer_and_nothing_else(verl):
    made = verl["sft_messages chats"]
    assert made["texts"] == [told(content.messages) for content in CHATS]
    assert made["learned"][1] == "At six, if the fog lifts.<|im_end|>\nThen at seven.<|im_end|>\n"


def test_multi_turn_sft_refuses_tools_as_text(verl):
    """It wants structs, which cannot hold two different tools without filling each with the other's keys."""
    assert "Tools should either be a JSON schema" in verl["sft_messages calls"]


def test_prompts_arrive_with_all_that_scores_them(verl):
    rows = verl["rlvr_verl"]
    prompts = [[{"role": m.role, "content": m.content} for m in content.messages] for content in PROBLEMS]
    assert [row["raw_prompt"] for row in rows] == prompts
    assert [row["reward_model"] for row in rows] == [
        {"style": "rule", "ground_truth": content.ground_truth} for content in PROBLEMS
    ]
    assert {(row["data_source"], row["ability"]) for row in rows} == {("openai/gsm8k", "math")}
    assert len({row["index"] for row in rows}) == len(rows)


def test_its_own_scorer_finds_the_right_answers_right(verl):
    assert verl["rlvr_verl scores"] == [1.0, 1.0, 1.0]


def test_prompts_over_its_limit_are_dropped_in_silence(verl):
    """Why an export warns of prompts that are longer than verl's default."""
    assert verl["rlvr_verl short"] == 2
