"""LLaMA-Factory's `get_dataset`: its converter, which skips in silence, and its processors."""

import pytest

from tests.loaders.mixture import CHATS, told


@pytest.fixture
def factory(found):
    return found("bounded", "with_llamafactory")


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_conversations_come_through_the_tags_of_the_snippet(factory, form):
    made = factory[f"chats_{form}"]
    assert made["kept"] == len(CHATS)
    assert made["input_ids"] == [told(content.messages) for content in CHATS]
    assert made["labels"][1] == "At six, if the fog lifts.<|im_end|>\nThen at seven.<|im_end|>\n"


def test_its_openai_formatting_writes_into_the_system_prompt(factory):
    """Why the snippet says sharegpt."""
    systems = [row["_system"] for row in factory["openai"]["rows"]]
    assert systems[:2] == [
        "detailed thinking off",
        "Answer as a harbour master would.\ndetailed thinking off",
    ]


def test_conversations_with_tools_are_skipped_under_these_tags(factory):
    """Why tool chats have a profile of their own: of the three rows only the one without calls is left."""
    assert [len(row["_prompt"]) for row in factory["calls"]["rows"]] == [0, 0, 1]
    assert factory["calls"]["kept"] == 1
