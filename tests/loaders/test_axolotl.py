"""Axolotl's own loading, prompt strategies and tokenization."""

import pytest

from tests.loaders.mixture import CALLS, PAIRS, asked, told


@pytest.fixture
def axolotl(found):
    return found("newest", "with_axolotl")


def test_chat_template_learns_every_answer_and_nothing_else(axolotl):
    answers = [
        [told([m], objects=True) for m in content.messages if m.role == "assistant"] for content in CALLS
    ]
    learned = ["".join(answer).replace("<|im_start|>assistant\n", "").replace("\n", "") for answer in answers]
    assert axolotl["calls parquet"]["labels"] == learned


def test_arguments_as_text_are_read_back_to_objects(axolotl):
    texts = axolotl["calls parquet"]["input_ids"]
    assert texts == [told(content.messages, content.tools, objects=True) for content in CALLS]


def test_axolotl_drops_empty_values_of_arguments_in_json_lines(axolotl):
    """It removes every key without a value from what it reads: as texts, in Parquet, they are out of its reach."""
    texts = axolotl["calls jsonl"]["input_ids"]
    whole = [told(content.messages, content.tools, objects=True) for content in CALLS]
    assert texts == [text.replace(', "of": null', "") for text in whole] != whole


def test_dpo_reads_the_explicit_prompt(axolotl):
    rows = axolotl["dpo"]
    assert [row["prompt"] for row in rows] == [asked(content.messages) for content in PAIRS]
    for side in ("chosen", "rejected"):
        answers = [content.completions[getattr(content, side)].messages[0].content for content in PAIRS]
        assert [row[side] for row in rows] == [f"{answer}<|im_end|>" for answer in answers]
