"""OpenRLHF: its datasets over the files that `--data.*` flags would name."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import tiny
from openrlhf.datasets import PromptDataset, RewardDataset, SFTDataset
from openrlhf.datasets.utils import blending_datasets
from places import at

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
    made = SFTDataset(read(path, given), WORDS, 4096, given, num_processors=None, multiturn=multiturn)
    learned = []
    for index in range(len(made)):
        tokens, _, counts = made[index]
        learned.append(tiny.read(WORDS, tokens[0][counts[0].bool()].tolist()))
    return {"prompts": list(made.prompts), "responses": list(made.responses), "learned": learned}


def pairs(path: Path, is_dpo: bool, **flags: Any) -> dict[str, Any]:
    given = strategy(**flags)
    made = RewardDataset(read(path, given), WORDS, 4096, given, is_dpo=is_dpo, num_processors=None)
    sides = {"prompts": made.prompts, "chosen": made.chosens, "rejected": made.rejects}
    return {name: list(texts) for name, texts in sides.items()}


def prompts(path: Path, **flags: Any) -> dict[str, Any]:
    given = strategy(**flags)
    made = PromptDataset(read(path, given), WORDS, given)
    return {"prompts": made.prompts, "labels": made.labels, "sources": made.datasources}


def load(files: Path) -> dict[str, Any]:
    chats, halves = at(files, "sft_messages", "chats"), at(files, "sft_prompt_completion", "chats")
    objects = at(files, "sft_messages", "objects", "jsonl")
    explicit, implicit = (at(files, f"pref_{name}", "pairs") for name in ("explicit", "implicit"))
    asked = {"input_key": "prompt", "label_key": "answer"}
    return {
        "sft_messages chats": sft(chats, False, input_key="messages"),
        "sft_messages objects": sft(objects, False, input_key="messages"),
        "sft_messages multiturn": sft(chats, True, input_key="messages"),
        "sft_prompt_completion chats": sft(halves, False, input_key="prompt", output_key="completion"),
        "pref_explicit dpo": pairs(explicit, True, prompt_key="prompt"),
        "pref_explicit reward": pairs(explicit, False, prompt_key="prompt"),
        "pref_implicit dpo": pairs(implicit, True),
        "prompts": prompts(at(files, "prompts", "problems"), **asked),
        "rlvr_prompt": prompts(at(files, "rlvr_prompt", "problems"), **asked),
    }
