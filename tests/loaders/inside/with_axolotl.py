"""Axolotl: its own loading of local files, prompt strategies and tokenization, by the config that a user writes."""

from pathlib import Path
from typing import Any

import tiny
from axolotl.utils.data import prepare_datasets, prepare_preference_datasets, rl
from axolotl.utils.data import sft as sft_module
from axolotl.utils.dict import DictDefault
from axolotl.utils.schemas.enums import RLType
from places import at

for module in (
    rl,
    sft_module,
):  # what it prepares is kept on disk for the next start: most of the time, for no row
    module.save_preprocessed_dataset = lambda *_: None
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
            "is_preprocess": True,
            "train_on_inputs": False,
            **given,
        }
    )


def sft(path: Path, name: str, **dataset: Any) -> dict[str, list[str]]:
    made, *_ = prepare_datasets(config(path, name, dataset=dataset), WORDS)
    return {
        "texts": [tiny.read(WORDS, row) for row in made["input_ids"]],
        "learned": [tiny.read(WORDS, [token for token in row if token >= 0]) for row in made["labels"]],
    }


def steps(path: Path) -> list[list[Any]]:
    """The text of each row, and the labels of its tokens that have one."""
    made, *_ = prepare_datasets(config(path, "steps", dataset={"type": "stepwise_supervised"}), WORDS)
    return [
        [tiny.read(WORDS, row["input_ids"]), [label for label in row["labels"] if label >= 0]] for row in made
    ]


def preference(path: Path, name: str, kind: str, **dataset: Any) -> list[dict[str, Any]]:
    made, _ = prepare_preference_datasets(config(path, name, rl=RLType(kind), dataset=dataset), WORDS)
    return [
        {key: row[key] for key in ("prompt", "chosen", "rejected", "completion", "label") if key in row}
        for row in made
    ]


def unpaired(path: Path) -> Any:
    """Its KTO strategies want texts; the one that takes turns is for whole conversations."""
    return preference(path, "unpaired", "kto", type="chatml.argilla_chat")


def load(files: Path) -> dict[str, Any]:
    chat = {"type": "chat_template", "field_messages": "messages"}
    explicit = {"type": "chat_template.default", "field_messages": "prompt"}
    implicit = {"type": "chat_template.argilla_chat"}
    objects = at(files, "sft_messages", "objects", "jsonl")
    return {
        "sft_messages calls": sft(at(files, "sft_messages", "calls"), "texts", **chat),
        "sft_messages objects": sft(objects, "objects", **chat),
        "alpaca chats": sft(at(files, "alpaca", "chats"), "alpaca", type="alpaca"),
        "pref_explicit dpo": preference(at(files, "pref_explicit", "pairs"), "explicit", "dpo", **explicit),
        "pref_implicit dpo": preference(at(files, "pref_implicit", "pairs"), "implicit", "dpo", **implicit),
        "unpaired kto": unpaired(at(files, "unpaired", "pairs")),
        "stepwise": steps(at(files, "stepwise", "steps")),
    }
