"""Axolotl: its own loading of local files, prompt strategies and tokenization, by the config that a user writes."""

from pathlib import Path
from typing import Any

import tiny
from axolotl.utils.data import prepare_datasets, prepare_preference_datasets
from axolotl.utils.dict import DictDefault

MODEL = tiny.saved(Path("axolotl-model"))
WORDS = tiny.tokenizer()


def config(path: Path, name: str, **given: Any) -> DictDefault:
    entry = {"path": str(path), "split": "train", **given.pop("dataset")}
    return DictDefault(
        {
            "base_model": MODEL,
            "tokenizer_config": MODEL,
            "chat_template": "tokenizer_default",
            "datasets": [entry],
            "dataset_prepared_path": str(Path("prepared", name)),
            "sequence_len": 4096,
            "val_set_size": 0,
            "batch_size": 1,
            "num_epochs": 1,
            "dataset_num_proc": 1,
            "is_preprocess": True,
            "train_on_inputs": False,
            **given,
        }
    )


def sft(path: Path, name: str) -> dict[str, list[str]]:
    kind = {"type": "chat_template", "field_messages": "messages"}
    made, *_ = prepare_datasets(config(path, name, dataset=kind), WORDS)
    return {
        column: [tiny.read(WORDS, [token for token in row if token >= 0]) for row in made[column]]
        for column in ("input_ids", "labels")
    }


def preference(path: Path, name: str, rl: str, **dataset: Any) -> list[dict[str, Any]]:
    made, _ = prepare_preference_datasets(config(path, name, rl=rl, dataset=dataset), WORDS)
    return [
        {key: row[key] for key in ("prompt", "chosen", "rejected", "completion", "label") if key in row}
        for row in made
    ]


def load(files: Path) -> dict[str, Any]:
    explicit = {"type": "chat_template.default", "field_messages": "prompt"}
    return {
        "calls parquet": sft(files / "sft_messages/calls.parquet", "texts"),
        "calls jsonl": sft(files / "sft_messages/calls.jsonl", "objects"),
        "dpo": preference(files / "pref_explicit/pairs.parquet", "dpo", "dpo", **explicit),
    }
