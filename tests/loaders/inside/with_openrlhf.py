"""OpenRLHF: its datasets over the files that `--data.*` flags would name."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import tiny
from openrlhf.datasets import PromptDataset, RewardDataset, SFTDataset
from openrlhf.datasets.utils import blending_datasets

WORDS = tiny.tokenizer()


def strategy(**flags: Any) -> SimpleNamespace:
    """The defaults of its command line, and what the snippet sets."""
    data = SimpleNamespace(
        **{"apply_chat_template": True, "chosen_key": "chosen", "rejected_key": "rejected"} | flags
    )
    args = SimpleNamespace(data=data, use_ms=False)
    return SimpleNamespace(args=args, print=lambda *_: None, is_rank_0=lambda: True)


def read(path: Path, given: SimpleNamespace) -> Any:
    return blending_datasets(str(path), None, given)


def sft(path: Path, multiturn: bool, **flags: Any) -> dict[str, Any]:
    given = strategy(**flags)
    made = SFTDataset(read(path, given), WORDS, 4096, given, num_processors=1, multiturn=multiturn)
    learned = []
    for at in range(len(made)):
        tokens, _, counts = made[at]
        learned.append(tiny.read(WORDS, tokens[0][counts[0].bool()].tolist()))
    return {"prompts": list(made.prompts), "responses": list(made.responses), "learned": learned}


def pairs(path: Path, is_dpo: bool, **flags: Any) -> dict[str, Any]:
    given = strategy(**flags)
    made = RewardDataset(read(path, given), WORDS, 4096, given, is_dpo=is_dpo, num_processors=1)
    sides = {"prompts": made.prompts, "chosen": made.chosens, "rejected": made.rejects}
    return {name: list(texts) for name, texts in sides.items()}


def prompts(path: Path, **flags: Any) -> dict[str, Any]:
    given = strategy(**flags)
    made = PromptDataset(read(path, given), WORDS, given)
    return {"prompts": made.prompts, "labels": made.labels, "sources": made.datasources}


def load(files: Path) -> dict[str, Any]:
    chats, pair = files / "sft_messages/chats.parquet", files / "pref_explicit/pairs.parquet"
    problems = files / "prompts/problems.parquet"
    return {
        "chats": sft(chats, False, input_key="messages"),
        "calls": sft(files / "sft_messages/calls.jsonl", False, input_key="messages"),
        "turns": sft(chats, True, input_key="messages"),
        "dpo": pairs(pair, True, prompt_key="prompt"),
        "reward": pairs(pair, False, prompt_key="prompt"),
        "prompts": prompts(problems, input_key="prompt", label_key="answer"),
    }
