"""Axolotl's own loading, prompt strategies and tokenization."""

import pytest

from tests.loaders.mixture import CALLS, CHATS, PAIRS, asked, told


@pytest.fixture
def axolotl(found):
    return found("newest", "with_axolotl")


def test_chat_template_learns_every_answer_and_nothing_else(axolotl):
    answers = [
        [told([m], objects=True) for m in content.messages if m.role == "assistant"] for content in CALLS
    ]
    learned = ["".join(answer).replace("<|im_start|>assistant\n", "").replace("\n", "") for answer in answers]
    assert axolotl["sft_messages calls"]["learned"] == learned


def test_arguments_as_text_are_read_back_to_objects(axolotl):
    texts = axolotl["sft_messages calls"]["texts"]
    assert texts == [told(content.messages, content.tools, objects=True) for content in CALLS]


def test_empty_values_of_arguments_that_are_objects_are_dropped(axolotl):
    """It removes every key without a value from what it reads: in a text they are out of its reach."""
    texts = axolotl["sft_messages objects"]["texts"]
    whole = [told(content.messages, content.tools, objects=True) for content in CALLS]
    assert texts == [text.replace(', "of": null', "") for text in whole] != whole


def test_alpaca_reads_the_last_question_and_leaves_out_what_was_before(axolotl):
    """Neither the system prompt nor the history is a column that `type: alpaca` knows."""
    learned = axolotl["alpaca chats"]["learned"]
    assert learned == [f"{content.messages[-1].content}<|im_end|>" for content in CHATS]
    assert "And if it does not?" in axolotl["alpaca chats"]["texts"][1]
    assert not any(word in axolotl["alpaca chats"]["texts"][1] for word in ("harbour", "ferry"))


@pytest.mark.parametrize("profile", ["pref_explicit", "pref_implicit"])
def test_dpo_reads_prompt_and_answers(axolotl, profile):
    rows = axolotl[f"{profile} dpo"]
    assert [row["prompt"] for row in rows] == [asked(content.messages) for content in PAIRS]
    for side in ("chosen", "rejected"):
        answers = [content.completions[getattr(content, side)].messages[0].content for content in PAIRS]
        assert [row[side] for row in rows] == [f"{answer}<|im_end|>" for answer in answers]


def test_kto_cannot_read_a_prompt_of_turns(axolotl):
    """Its strategies take texts; the one for turns wants the whole conversation in `completion`."""
    assert {row["prompt"] for row in axolotl["unpaired kto"]} == {"<|im_start|>assistant\n"}


def test_steps_keep_their_labels(axolotl):
    ((text, labels),) = axolotl["stepwise"]
    assert text.startswith("What is 3 times 4, plus 1?Three times four is twelve.\nOne more")
    assert labels == [1, 1, 0]
