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
from places import at  # noqa: E402
from transformers import Seq2SeqTrainingArguments  # noqa: E402

ALIGNED = ("_prompt", "_response", "_system", "_tools")


def converted(folder: Path, name: str, stage: str) -> Any:
    data = DataArguments(template="chatml", dataset=name, dataset_dir=str(folder), cutoff_len=4096)
    training = Seq2SeqTrainingArguments("out", use_cpu=True, report_to="none")
    return _get_merged_dataset(data.dataset, ModelArguments(model_name_or_path=MODEL), data, training, stage)


def gotten(folder: Path, name: str, stage: str) -> dict[str, Any]:
    """What the converter made of each row, and what the processor made of that."""
    words = tiny.tokenizer()
    data = DataArguments(template="chatml", dataset=name, dataset_dir=str(folder), cutoff_len=4096)
    model = ModelArguments(model_name_or_path=MODEL)
    training = Seq2SeqTrainingArguments("out", use_cpu=True, report_to="none")
    template = get_template_and_fix_tokenizer(words, data)
    aligned = converted(folder, name, stage)
    made = get_dataset(template, model, data, training, stage=stage, tokenizer=words)["train_dataset"]
    texts = {
        column: [tiny.read(words, [token for token in row if token >= 0]) for row in made[column]]
        for column in made.column_names
        if column.endswith(("input_ids", "labels"))
    }
    return {"rows": [{key: row[key] for key in ALIGNED} for row in aligned], "kept": len(made)} | texts


MODEL = tiny.saved(Path("model"))
ALPACA = {"prompt": "instruction", "query": "input", "response": "output"}


def shipped(files: Path, mixture: str, kind: str, stage: str) -> dict[str, Any]:
    """By the dataset_info.json that the export brought."""
    return gotten(files / mixture / f"llamafactory_{kind}", f"{mixture}_{kind}", stage)


def refusal(folder: Path, name: str) -> str:
    try:
        gotten(folder, name, "sft")
    except (RuntimeError, KeyError) as refused:
        return f"{type(refused).__name__}: {refused}"
    return ""


def incomplete(path: Path) -> str:
    """The rows of a file with a tool that does not say its parameters."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    tool = {"type": "function", "function": {"name": "now", "description": "The time."}}
    lines = [json.dumps(row | {"tools": json.dumps([tool])}) for row in rows]
    Path("own", "incomplete.jsonl").write_text("\n".join(lines))
    return "incomplete.jsonl"


def load(files: Path) -> dict[str, Any]:
    folder = Path("own")
    folder.mkdir(exist_ok=True)
    told = json.loads((files / "chats/llamafactory_sft/dataset_info.json").read_text())["chats_sft"]
    entries = {
        "alpaca": {
            "file_name": str(at(files, "alpaca", "chats")),
            "columns": ALPACA | {"system": "system", "history": "history"},
        },
        "chats": told | {"file_name": str(at(files, "sft_messages", "chats"))},
        "openai": told | {"file_name": str(at(files, "sft_messages", "chats")), "formatting": "openai"},
        "seen": told
        | {
            "file_name": str(at(files, "sft_messages", "seen")),
            "columns": told["columns"] | {"images": "images"},
        },
        "calls": told | {"file_name": str(at(files, "sft_messages", "calls"))},
    }
    calling = json.loads((files / "calls/llamafactory_sft/dataset_info.json").read_text())["calls_sft"]
    calls = at(files, "llamafactory_sft", "calls", "jsonl")
    entries["incomplete"] = calling | {"file_name": incomplete(calls)}
    (folder / "dataset_info.json").write_text(json.dumps(entries))
    return {
        "llamafactory_sft chats": shipped(files, "chats", "sft", "sft"),
        "llamafactory_sft calls": shipped(files, "calls", "sft", "sft"),
        "llamafactory_sft incomplete": refusal(folder, "incomplete"),
        "llamafactory_preference": shipped(files, "pairs", "preference", "rm"),
        "llamafactory_kto": shipped(files, "pairs", "kto", "kto"),
        "alpaca chats": gotten(folder, "alpaca", "sft"),
        "sft_messages chats": gotten(folder, "chats", "sft"),
        "sft_messages openai": gotten(folder, "openai", "sft"),
        "sft_messages calls": refusal(folder, "calls"),
        "sft_messages seen": [row["_images"] for row in converted(folder, "seen", "sft")],
    }
