"""verl: the dataset classes that its trainers build from `data.*`."""

from pathlib import Path
from typing import Any

import tiny
from omegaconf import OmegaConf
from places import at
from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset
from verl.utils.dataset.rl_dataset import RLHFDataset, collate_fn
from verl.utils.reward_score import default_compute_score

WORDS = tiny.tokenizer()


def sft(path: Path) -> dict[str, Any]:
    config = OmegaConf.create({"messages_key": "messages", "max_length": 2048, "pad_mode": "no_padding"})
    made = MultiTurnSFTDataset([str(path)], WORDS, config)
    rows = [made[at] for at in range(len(made))]
    return {
        "texts": [tiny.read(WORDS, row["input_ids"].tolist()) for row in rows],
        "learned": [tiny.read(WORDS, row["input_ids"][row["loss_mask"].bool()].tolist()) for row in rows],
    }


def problems(path: Path, limit: int = 512) -> list[dict[str, Any]]:
    """The rows that are left under verl's own limit on a prompt's tokens."""
    config = OmegaConf.create({"max_prompt_length": limit, "cache_dir": "verl", "return_raw_chat": True})
    made = RLHFDataset([str(path)], WORDS, config)
    batch = collate_fn([made[at] for at in range(len(made))])
    names = sorted(name for name in batch if name != "dummy_tensor")
    return [{name: batch[name][at] for name in names} for at in range(len(made))]


def scored(rows: list[dict[str, Any]]) -> list[float]:
    """The reward of the right answer in GSM8K's form, by the scorer that `data_source` selects."""
    truths = [(row["data_source"], row["reward_model"]["ground_truth"]) for row in rows]
    return [default_compute_score(source, f"#### {truth}", truth) for source, truth in truths]


def refusal(path: Path) -> str:
    try:
        sft(path)
    except ValueError as refused:
        return str(refused)
    return ""


def load(files: Path) -> dict[str, Any]:
    rows = problems(at(files, "rlvr_verl", "problems"))
    return {
        "sft_messages chats": sft(at(files, "sft_messages", "chats")),
        "sft_messages calls": refusal(at(files, "sft_messages", "calls")),
        "rlvr_verl": rows,
        "rlvr_verl scores": scored(rows),
        "rlvr_verl short": len(problems(at(files, "rlvr_verl", "problems"), limit=60)),
    }
