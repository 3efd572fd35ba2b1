"""LLaMA-Factory: `get_dataset` on its own dataset_info.json, to the tokens that a trainer would get."""

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

sys.modules["torchaudio"] = ModuleType("torchaudio")  # imported for sound, which has no CPU build to install
sys.modules["torchaudio"].__spec__ = ModuleSpec("torchaudio", None)

import json  # noqa: E402

import tiny  # noqa: E402
from llamafactory.data import get_dataset, get_template_and_fix_tokenizer  # noqa: E402
from llamafactory.data.loader import _get_merged_dataset  # noqa: E402
from llamafactory.hparams import DataArguments, ModelArguments  # noqa: E402
from transformers import Seq2SeqTrainingArguments  # noqa: E402

ROLES = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
CHAT = {
    "formatting": "sharegpt",
    "columns": {"messages": "messages"},
    "tags": ROLES | {"system_tag": "system"},
}
ALIGNED = ("_prompt", "_response", "_system", "_tools")


def gotten(folder: Path, name: str, stage: str) -> dict[str, Any]:
    """What the converter made of each row, and what the processor made of that."""
    words = tiny.tokenizer()
    data = DataArguments(template="chatml", dataset=name, dataset_dir=str(folder), cutoff_len=4096)
    model = ModelArguments(model_name_or_path=MODEL)
    training = Seq2SeqTrainingArguments("out", use_cpu=True, report_to="none")
    template = get_template_and_fix_tokenizer(words, data)
    aligned = _get_merged_dataset(data.dataset, model, data, training, stage)
    made = get_dataset(template, model, data, training, stage=stage, tokenizer=words)["train_dataset"]
    texts = {
        column: [tiny.read(words, [token for token in row if token >= 0]) for row in made[column]]
        for column in made.column_names
        if column.endswith(("input_ids", "labels"))
    }
    return {"rows": [{key: row[key] for key in ALIGNED} for row in aligned], "kept": len(made)} | texts


MODEL = tiny.saved(Path("model"))


def load(files: Path) -> dict[str, Any]:
    folder = Path("factory")
    folder.mkdir(exist_ok=True)
    entries = {}
    for suffix in ("parquet", "jsonl"):
        at = {"file_name": str(files / f"sft_messages/chats.{suffix}")}
        entries[f"chats_{suffix}"] = CHAT | at
    entries["openai"] = entries["chats_parquet"] | {"formatting": "openai"}
    entries["calls"] = CHAT | {"file_name": str(files / "sft_messages/calls.parquet")}
    (folder / "dataset_info.json").write_text(json.dumps(entries))
    return {name: gotten(folder, name, "sft") for name in entries}
