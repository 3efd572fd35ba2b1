"""Axolotl's configurations as the pages of exports show them, through its own loader of configurations and data."""

from pathlib import Path
from typing import Any

import tiny
from axolotl.cli.config import load_cfg
from axolotl.common.datasets import load_datasets, load_preference_datasets
from places import told

WORDS = tiny.tokenizer()
MODEL = tiny.saved(Path("snippet-axolotl-model"))
REST = f"""
base_model: {MODEL}
chat_template: tokenizer_default
sequence_len: 4096
micro_batch_size: 1
gradient_accumulation_steps: 1
learning_rate: 0.001
num_epochs: 1
optimizer: adamw_torch
lr_scheduler: constant
bf16: false
"""


def config(code: str, name: str) -> Any:
    """What a user's file makes: the snippet, and what a run needs beside it."""
    path = Path(f"{name}.yaml")
    path.write_text(f"{code}\n{REST}output_dir: out-{name}\ndataset_prepared_path: prepared-{name}\n")
    return load_cfg(str(path))


def load(files: Path) -> dict[str, Any]:
    snippets = told(files)["snippets"]
    found: dict[str, Any] = {}
    for profile in ("sft_messages", "alpaca"):
        cfg = config(snippets[profile]["Axolotl config.yaml"], profile)
        made = load_datasets(cfg=cfg).train_dataset
        found[profile] = sorted(tiny.read(WORDS, row) for row in made["input_ids"])
    cfg = config(snippets["pref_explicit"]["Axolotl config.yaml"], "pref_explicit")
    made = load_preference_datasets(cfg=cfg).train_dataset
    found["pref_explicit"] = sorted([row["prompt"], row["chosen"], row["rejected"]] for row in made)
    return found
