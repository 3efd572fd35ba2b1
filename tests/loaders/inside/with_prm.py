"""TRL's trainer of process reward models, which later versions have dropped."""

from pathlib import Path
from typing import Any

import tiny
from datasets import load_dataset
from places import at
from transformers import AutoModelForTokenClassification
from trl import PRMConfig, PRMTrainer

WORDS = tiny.tokenizer()
MODEL = tiny.saved(Path("prm-model"))


def load(files: Path) -> dict[str, Any]:
    rows = load_dataset("parquet", data_files=str(at(files, "stepwise", "steps")), split="train")
    config = PRMConfig("prm", max_steps=1, report_to="none", use_cpu=True, bf16=False, save_strategy="no")
    trainer = PRMTrainer(
        AutoModelForTokenClassification.from_pretrained(MODEL, num_labels=2),
        config,
        train_dataset=rows,
        processing_class=WORDS,
    )
    made = [
        [tiny.read(WORDS, row["input_ids"]), [label for label in row["labels"] if label >= 0]]
        for row in trainer.train_dataset
    ]
    return {"stepwise": made, "loss": trainer.train().training_loss}
