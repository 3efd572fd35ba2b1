"""TRL's command lines as the page of an export shows them, as a process, and in this one to see what is learned."""

import importlib
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import tiny
import trl
from places import told
from safetensors.torch import load_file

WORDS = tiny.tokenizer()
MODEL = tiny.saved(Path("snippet-model"))
ONE_STEP = " --max_steps 1 --report_to none --use_cpu true --bf16 false --per_device_train_batch_size 4"
COLUMNS = ("input_ids", "prompt_ids", "chosen_ids", "rejected_ids")


def started(code: str, folder: Path) -> subprocess.Popen[bytes]:
    """The command in a shell, with a model and the length of the training added."""
    folder.mkdir()
    own = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = code.replace("your/model", str(Path(MODEL).resolve())) + ONE_STEP
    return subprocess.Popen(command, shell=True, cwd=folder, env=own)


def ended(process: subprocess.Popen[bytes], folder: Path) -> dict[str, Any]:
    code = process.wait()
    before, after = (load_file(place / "model.safetensors") for place in (Path(MODEL), folder / "out"))
    return {"code": code, "moved": any(not before[name].equal(after[name]) for name in before)}


def watched(code: str, trainer: str) -> dict[str, Any]:
    """
    The same words through TRL's own parser and script, with its trainer looked at: the rows it was given, what it made
    of them, and the texts in the batches of its steps.
    """
    seen: dict[str, Any] = {"batches": []}

    class Watched(getattr(trl, trainer)):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            seen["rows"] = kwargs["train_dataset"].to_list()
            super().__init__(*args, **kwargs)
            made = self.train_dataset
            names = [name for name in COLUMNS if name in made.column_names]
            seen["made"] = [{name: tiny.read(WORDS, row[name]) for name in names} for row in made]

        def training_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
            seen["batches"].append([tiny.read(WORDS, row) for row in inputs["input_ids"].tolist()])
            return super().training_step(model, inputs, *args, **kwargs)

    _, name, *words = shlex.split(code.replace("\\\n", " ").replace("your/model", MODEL) + ONE_STEP)
    script, original = importlib.import_module(f"trl.scripts.{name}"), getattr(trl, trainer)
    given = script.make_parser().parse_args_and_config(args=words, fail_with_unknown_args=False)
    setattr(trl, trainer, Watched)
    try:
        script.main(*given[:4])
    finally:
        setattr(trl, trainer, original)
    return seen


def load(files: Path) -> dict[str, Any]:
    snippets = told(files)["snippets"]
    sft, dpo = snippets["sft_messages"]["TRL sft"], snippets["pref_explicit"]["TRL dpo"]
    process = started(sft, Path("sft"))
    found = {"sft": watched(sft, "SFTTrainer"), "dpo": watched(dpo, "DPOTrainer")}
    return found | {"process": ended(process, Path("sft"))}
