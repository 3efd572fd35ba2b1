"""
What cannot be installed here or asks for an accelerator: rows held against the rules that its loader's source states.
Each check is named after its reader; docs/loaders.md says why it stands in.
"""

import json

import pytest
from datasets import disable_progress_bars, load_dataset

from curation.engine.exporters.lint import VERIFIERS

ROLES = {"system", "developer", "user", "assistant", "tool"}
MESSAGE = {"role", "content", "name", "tool_calls", "tool_call_id", "weight"}
disable_progress_bars()


@pytest.fixture
def rows(exported, tmp_path):
    """The rows of a profile's files, as `datasets` 5 hands them to a trainer."""

    def read(profile, mixture):
        folder = exported / mixture / profile / "data"
        (path, *_) = sorted(folder.iterdir(), reverse=True)  # Parquet where there is any
        kind = "json" if path.suffix == ".jsonl" else "parquet"
        cache = str(tmp_path / "cache")
        return load_dataset(kind, data_files=str(path), split="train", cache_dir=cache).to_list()

    return read


@pytest.fixture
def lines(exported):
    """The rows of a profile's JSON lines, as they stand there."""

    def read(profile, mixture):
        path = exported / mixture / profile / "data" / "train-00000-of-00001.jsonl"
        return [json.loads(line) for line in path.read_bytes().splitlines()]

    return read


def are_turns(messages):
    return len(messages) > 0 and all(turn["role"] in ROLES and "content" in turn for turn in messages)


@pytest.mark.parametrize("mixture", ["chats", "calls"])
def test_open_instruct_finds_messages_and_something_to_learn(rows, mixture):
    """open_instruct/dataset_transformation.py: sft_tulu_tokenize_and_truncate_v1, sft_tulu_filter_v1."""
    for row in rows("sft_messages", mixture):
        assert are_turns(row["messages"])
        assert any(turn["role"] == "assistant" for turn in row["messages"])


def test_open_instruct_finds_pairs_that_differ_in_their_last_turn(rows):
    """open_instruct/dataset_transformation.py: preference_tulu_tokenize_and_truncate_v1."""
    for row in rows("pref_implicit", "pairs"):
        assert are_turns(row["chosen"]) and are_turns(row["rejected"])
        assert row["chosen"][:-1] == row["rejected"][:-1] and row["chosen"][-1] != row["rejected"][-1]
        assert row["chosen"][-1]["role"] == row["rejected"][-1]["role"] == "assistant"


def test_open_instruct_finds_prompts_with_truths_and_verifiers(rows):
    """
    open_instruct/dataset_transformation.py: rlvr_tokenize_v3 (its first and second version left out the last turn of
    a prompt with several). It makes lists of `ground_truth` and `dataset` and sets `dataset_source` itself.
    """
    for row in rows("rlvr_open_instruct", "problems"):
        assert are_turns(row["messages"]) and row["messages"][-1]["role"] == "user"
        assert isinstance(row["ground_truth"], str) and row["dataset"] in VERIFIERS
        assert "dataset_source" not in row


def test_nemo_rl_finds_a_context_and_two_ranked_completions(rows):
    """nemo_rl/data/datasets/preference_datasets/preference_dataset.py: the lower rank is the better one."""
    for row in rows("nemo_rl", "pairs"):
        assert are_turns(row["context"]) and [one["rank"] for one in row["completions"]] == [0, 1]
        assert all(are_turns(one["completion"]) for one in row["completions"])
        best, worst = (one["completion"][-1] for one in row["completions"])
        assert best["role"] == worst["role"] == "assistant" and best["content"] != worst["content"]


def test_nemo_rl_finds_conversations_that_end_with_an_answer(lines):
    """nemo_rl/data/datasets/response_datasets/oai_format_dataset.py, with `use_preserving_dataset` for tools."""
    for row in (*lines("sft_messages", "chats"), *lines("sft_messages", "objects")):
        assert are_turns(row["messages"]) and row["messages"][-1]["role"] == "assistant"


@pytest.mark.parametrize("mixture", ["chats", "calls"])
def test_openai_finds_no_key_that_it_does_not_know(lines, mixture):
    """platform.openai.com/docs/guides/supervised-fine-tuning: a null or unknown key fails the whole upload."""
    for row in lines("openai_sft", mixture):
        assert set(row) <= {"messages", "tools", "parallel_tool_calls"}
        assert are_known(row["messages"]) and row["messages"][-1]["role"] == "assistant"
        asked = [call["id"] for turn in row["messages"] for call in turn.get("tool_calls", ())]
        assert asked == [turn["tool_call_id"] for turn in row["messages"] if turn["role"] == "tool"]


def test_openai_finds_two_single_answers_to_compare(lines):
    """platform.openai.com/docs/guides/direct-preference-optimization."""
    for row in lines("openai_dpo", "pairs"):
        assert set(row) == {"input", "preferred_output", "non_preferred_output"}
        assert set(row["input"]) <= {"messages", "tools", "parallel_tool_calls"}
        for side in (row["preferred_output"], row["non_preferred_output"]):
            assert [turn["role"] for turn in side] == ["assistant"] and are_known(side)


def are_known(messages):
    """Known keys with a value each, a content or calls, and arguments that are JSON texts."""
    calls = [call for turn in messages for call in turn.get("tool_calls", ())]
    values = [value for turn in messages for value in turn.values()]
    return (
        all(set(turn) <= MESSAGE and {"content", "tool_calls"} & set(turn) for turn in messages)
        and None not in values
        and all(isinstance(json.loads(call["function"]["arguments"]), dict) for call in calls)
    )
