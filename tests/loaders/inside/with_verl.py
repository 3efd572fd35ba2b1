"""verl: the dataset classes that its trainers build from `data.*`."""

from pathlib import Path
from typing import Any

import tiny
from omegaconf import OmegaConf
from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset
from verl.utils.dataset.rl_dataset import RLHFDataset, collate_fn

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


def load(files: Path) -> dict[str, Any]:
    found: dict[str, Any] = {
        "chats": sft(files / "sft_messages/chats.parquet"),
        "prompts": problems(files / "prompts/problems.parquet"),
    }
    try:
        found["calls"] = sft(files / "sft_messages/calls.parquet")
    except ValueError as refused:
        found["calls"] = {"refused": str(refused)}
    return found
