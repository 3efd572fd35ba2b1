"""TRL: what its trainers make of each profile, and one step of each on a tiny random model."""

import math
from pathlib import Path
from typing import Any

import tiny
import torch
import trl
from datasets import Dataset, load_dataset
from places import at
from trl import (
    DPOConfig,
    DPOTrainer,
    GRPOConfig,
    GRPOTrainer,
    KTOConfig,
    KTOTrainer,
    RewardConfig,
    RewardTrainer,
    SFTConfig,
    SFTTrainer,
)

STEP = {
    "max_steps": 1,
    "per_device_train_batch_size": 2,
    "report_to": "none",
    "logging_steps": 1,
    "save_strategy": "no",
    "use_cpu": True,
    "bf16": False,
    "output_dir": "out",
    "seed": 7,
}
TEMPLATES = Path(trl.__file__).parent / "chat_templates"
WORDS = tiny.tokenizer()
MODEL = tiny.saved(Path("model"))


def rows(path: Path) -> Dataset:
    kind = "json" if path.suffix == ".jsonl" else "parquet"
    return load_dataset(kind, data_files=str(path), split="train")


def trained(trainer: Any, *columns: str) -> dict[str, Any]:
    """One step: whether the loss is a number and a weight moved; and what the trainer had made of the rows."""
    before = [weight.detach().clone() for weight in trainer.model.parameters()]
    prepared = trainer.train_dataset
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    moved = any(not torch.equal(a, b) for a, b in zip(before, trainer.model.parameters(), strict=True))
    texts = {name: [tiny.read(WORDS, row[name]) for row in prepared] for name in columns}
    return {"steps": len(losses), "finite": all(map(math.isfinite, losses)), "moved": moved} | texts


def sft(path: Path) -> dict[str, Any]:
    config = SFTConfig(**STEP, max_length=None)
    trainer = SFTTrainer(MODEL, config, train_dataset=rows(path), processing_class=WORDS)
    made = trained(trainer, "input_ids")
    if "labels" in trainer.train_dataset.column_names:
        labels = ([label for label in row["labels"] if label >= 0] for row in trainer.train_dataset)
        made["learned"] = [tiny.read(WORDS, row) for row in labels]
    return made


def prepared(path: Path, template: str = "") -> list[str]:
    """Conversations in the words of a model's own chat template, as TRL ships it, or in ours."""
    words = tiny.tokenizer((TEMPLATES / f"{template}.jinja").read_text()) if template else WORDS
    config = SFTConfig(**STEP, max_length=None)
    trainer = SFTTrainer(MODEL, config, train_dataset=rows(path), processing_class=words)
    return [tiny.read(words, row["input_ids"]) for row in trainer.train_dataset]


def refusal(path: Path) -> str:
    try:
        prepared(path)
    except ValueError as refused:
        return str(refused)
    return ""


def dpo(path: Path) -> dict[str, Any]:
    config = DPOConfig(**STEP, max_length=None)
    trainer = DPOTrainer(MODEL, args=config, train_dataset=rows(path), processing_class=WORDS)
    return trained(trainer, "prompt_ids", "chosen_ids", "rejected_ids")


def kto(path: Path) -> dict[str, Any]:
    config = KTOConfig(**STEP, max_length=None)
    trainer = KTOTrainer(MODEL, args=config, train_dataset=rows(path), processing_class=WORDS)
    return trained(trainer, "prompt_ids", "completion_ids") | {"label": list(trainer.train_dataset["label"])}


def reward(path: Path) -> dict[str, Any]:
    config = RewardConfig(**STEP, max_length=None)
    trainer = RewardTrainer(MODEL, args=config, train_dataset=rows(path), processing_class=WORDS)
    return trained(trainer, "chosen_ids", "rejected_ids")


def grpo(path: Path) -> dict[str, Any]:
    """The columns that reach the reward function, by what it was asked."""
    seen: dict[str, dict[str, Any]] = {}

    def judge(prompts: list, completions: list, **columns: list) -> list[float]:
        for index, prompt in enumerate(prompts):
            seen[prompt[-1]["content"]] = {name: columns[name][index] for name in ("answer", "verifier")}
        return [float(index) for index in range(len(completions))]

    options = {"num_generations": 2, "max_completion_length": 4, "per_device_train_batch_size": 6}
    trainer = GRPOTrainer(
        MODEL,
        judge,
        args=GRPOConfig(**STEP | options),
        train_dataset=rows(path),
        processing_class=WORDS,
    )
    return trained(trainer) | {"seen": seen}


def load(files: Path) -> dict[str, Any]:
    explicit, implicit = (at(files, f"pref_{name}", "pairs") for name in ("explicit", "implicit"))
    calls, objects = at(files, "sft_messages", "calls"), at(files, "sft_messages", "objects", "jsonl")
    return {
        "sft_messages chats": sft(at(files, "sft_messages", "chats")),
        "sft_messages calls": sft(calls),
        "sft_messages objects": sft(objects),
        "sft_messages long": prepared(at(files, "sft_messages", "long")),
        "sft_messages seen": refusal(at(files, "sft_messages", "seen")),
        "sft_prompt_completion calls": sft(at(files, "sft_prompt_completion", "calls")),
        "pref_explicit dpo": dpo(explicit),
        "pref_explicit kto": kto(explicit),
        "pref_implicit dpo": dpo(implicit),
        "pref_implicit reward": reward(implicit),
        "unpaired kto": kto(at(files, "unpaired", "pairs")),
        "prompts grpo": grpo(at(files, "prompts", "problems")),
        "rlvr_prompt grpo": grpo(at(files, "rlvr_prompt", "problems", "jsonl")),
        "qwen3 calls": prepared(calls, "qwen3"),
        "qwen2_5 calls": prepared(calls, "qwen2_5"),
        "qwen2_5 objects": prepared(objects, "qwen2_5"),
    }
