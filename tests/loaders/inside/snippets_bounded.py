"""What the pages of exports say to LLaMA-Factory, verl and torchtune."""

import json
import shlex
from pathlib import Path
from typing import Any

import tiny
import with_llamafactory as factory
import with_torchtune as tune
import yaml
from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
from llamafactory.hparams import get_train_args
from omegaconf import OmegaConf
from places import told
from torchtune.config import instantiate
from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset

WORDS = tiny.tokenizer()
MODEL = tiny.saved(Path("snippet-model"))


def words(code: str) -> list[str]:
    named = code.replace("\\\n", " ").replace("your/model", MODEL).replace("your_template", "chatml")
    return shlex.split(named)


def commanded(code: str) -> list[str]:
    """LLaMA-Factory's own reading of its command line, and its data set."""
    _, _, *flags = [*words(code), "--use_cpu", "--report_to", "none", "--cutoff_len", "4096"]
    model, data, training, _, _ = get_train_args(flags)
    template = get_template_and_fix_tokenizer(WORDS, data)
    made = get_dataset(template, model, data, training, stage="sft", tokenizer=WORDS)["train_dataset"]
    return [tiny.read(WORDS, row) for row in made["input_ids"]]


def described(code: str) -> list[str]:
    folder = Path("described")
    folder.mkdir()
    (folder / "dataset_info.json").write_text(code)
    return factory.gotten(folder, next(iter(json.loads(code))), "sft")["input_ids"]


def overridden(code: str) -> list[str]:
    """verl's data set, by the part of the command line that is about data."""
    given = OmegaConf.from_dotlist([word for word in words(code) if word.startswith("data.")])
    data = OmegaConf.merge(given.data, {"pad_mode": "no_padding"})
    made = MultiTurnSFTDataset(OmegaConf.create(data.train_files), WORDS, data)
    return [tiny.read(WORDS, made[at]["input_ids"].tolist()) for at in range(len(made))]


def load(files: Path) -> dict[str, Any]:
    snippets = told(files)["snippets"]
    chats = snippets["sft_messages"]
    component = OmegaConf.create(yaml.safe_load(chats["torchtune config.yaml"])["dataset"])
    return {
        "llamafactory_sft": commanded(snippets["llamafactory_sft"]["LLaMA-Factory stage sft"]),
        "alpaca": described(snippets["alpaca"]["LLaMA-Factory dataset_info.json"]),
        "verl": overridden(chats["verl sft_trainer"]),
        "torchtune": tune.said(instantiate(component, tune.Words()))["texts"],
    }
