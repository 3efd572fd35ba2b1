"""LLaMA-Factory's `get_dataset`: its converter, which skips in silence, and its processors."""

import json

import pytest

from tests.loaders.mixture import CALLS, CHATS, PAIRS, SEARCH, SEEN, WEATHER, asked, told


@pytest.fixture
def factory(found):
    return found("bounded", "with_llamafactory")


@pytest.mark.parametrize("name", ["llamafactory_sft chats", "alpaca chats", "sft_messages chats"])
def test_conversations_arrive_as_they_were(factory, name):
    made = factory[name]
    assert made["kept"] == len(CHATS)
    assert made["input_ids"] == [told(content.messages) for content in CHATS]
    assert made["labels"][1] == "At six, if the fog lifts.<|im_end|>\nThen at seven.<|im_end|>\n"


def test_calls_results_and_tools_arrive_through_the_file_that_the_export_brings(factory):
    made = factory["llamafactory_sft calls"]
    assert made["kept"] == len(CALLS)
    roles = [[turn["role"] for turn in row["_prompt"]] for row in made["rows"]]
    assert roles == [["user", "function", "observation"]] * 2 + [["user"]]
    calls = [json.loads(row["_prompt"][1]["content"]) for row in made["rows"][:2]]
    assert calls == [
        {"name": "weather", "arguments": WEATHER},
        {"name": "search", "arguments": SEARCH},
    ]
    assert made["rows"][0]["_response"][0]["content"] == "<think>\nThe tool says rain.\n</think>\n\nIt will."
    assert all(f"Tool Name: {name}" in made["input_ids"][0] for name in ("weather", "search", "now"))


def test_a_tool_that_says_no_parameters_would_end_the_run(factory):
    """Why the export completes them."""
    assert factory["llamafactory_sft incomplete"] == "KeyError: 'parameters'"


def test_pairs_are_compared_behind_their_prompt(factory):
    made = factory["llamafactory_preference"]
    assert made["kept"] == len(PAIRS)
    for side in ("chosen", "rejected"):
        whole = [(*pair.messages, *pair.completions[getattr(pair, side)].messages) for pair in PAIRS]
        assert made[f"{side}_input_ids"] == [told(turns) for turns in whole]


def test_judged_answers_keep_their_prompt_and_their_side(factory):
    made = factory["llamafactory_kto"]
    assert made["kept"] == 2 * len(PAIRS)
    good = [row["_response"][1]["content"] == "" for row in made["rows"]]
    assert good == [True, False] * len(PAIRS)
    prompts = [asked(pair.messages) for pair in PAIRS for _ in range(2)]
    assert all(text.startswith(prompt) for text, prompt in zip(made["input_ids"], prompts, strict=True))


def test_its_openai_formatting_writes_into_the_system_prompt(factory):
    """Why the export says sharegpt."""
    systems = [row["_system"] for row in factory["sft_messages openai"]["rows"]]
    assert systems[:2] == [
        "detailed thinking off",
        "Answer as a harbour master would.\ndetailed thinking off",
    ]


def test_conversations_with_calls_need_the_profile_of_their_own(factory):
    """A call without a text is `content: null` in sft_messages, and the whole run ends there."""
    assert factory["sft_messages calls"] == "RuntimeError: Expected a string, got None"


def test_images_are_found_by_their_references(factory):
    """With `"images": "images"` among its columns; a row without any has none."""
    images = [list(content.images) for content in SEEN]
    assert [found or [] for found in factory["sft_messages seen"]] == images
