"""
How to load an export, by program: text to copy, with the reader's own paths and addresses in it.

Only what loads the files as they are is offered. What a program reads follows its source where it was read: TRL
`trl/scripts/{sft,dpo}.py`, Axolotl `utils/data/shared.py` (a folder with a card), LLaMA-Factory `data/loader.py` and
`data/converter.py` (an absolute `file_name`). For open-instruct and verl no source was read, and none of the five
programs was run.
"""

import json
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field

REMOTE = "It needs the package aiohttp. A wrong token shows up here as FileNotFoundError."
TOOLS = frozenset({"tools", "tool_calls"})


@dataclass(frozen=True, slots=True)
class Snippet:
    """`code` to copy, for `reader`; `place` says what it reads from, `note` what to know first."""

    reader: str
    place: str
    code: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Loading:
    """
    One profile of an export as its readers find it. `folder` is the export on this machine's disk ("" when the store
    is elsewhere), `address` the URL below which its files are served, `files` the profile's own files that hold each
    row once, `name` what a downloaded copy is called, `columns` the types of its columns by name.
    """

    name: str
    profile: str
    address: str
    folder: str = ""
    files: Sequence[str] = ()
    columns: dict[str, str] = field(default_factory=dict)
    formats: int = 1

    @property
    def root(self) -> str:
        """Where the files are for a trainer: on this disk, else where `download` puts them."""
        return self.folder or self.name

    @property
    def kind(self) -> str:
        return "parquet" if self.files[0].endswith(".parquet") else "json"

    @property
    def paths(self) -> list[str]:
        return [f"{self.root}/{path}" for path in self.files]

    @property
    def has_tools(self) -> bool:
        return any(tool in name or tool in told for name, told in self.columns.items() for tool in TOOLS)


def snippets(loading: Loading) -> list[Snippet]:
    """What loads this profile, the plain ways first, then the trainers that take it unchanged."""
    if not loading.files:
        return []
    first = [local(loading)] if loading.folder else []
    return [*first, remote(loading), download(loading), *TRAINERS.get(loading.profile, lambda _: [])(loading)]


def local(loading: Loading) -> Snippet:
    code = f"""\
from datasets import load_dataset

{loading.profile} = load_dataset(
    {_quoted(loading.folder)},
    "{loading.profile}",
    split="train",
)"""
    return Snippet("datasets", "on this machine", code, "Read the files there, and do not write beside them.")


def remote(loading: Loading) -> Snippet:
    code = f"""\
import os
from datasets import load_dataset

address = {_quoted(loading.address)}
headers = {{"Authorization": f"Bearer {{os.environ['WINNOW_TOKEN']}}"}}
{loading.profile} = load_dataset(
    "{loading.kind}",
    data_files={_addresses(loading.files)},
    storage_options={{"headers": headers}},
    split="train",
)"""
    return Snippet("datasets", "from this server", code, REMOTE)


def _addresses(files: Sequence[str]) -> str:
    """The files below `address`; numbered shards as a loop, however many they are."""
    if len(files) == 1:
        return f'[address + "{files[0]}"]'
    folder, name = posixpath.split(files[0])
    total, suffix = f"{len(files):05d}", posixpath.splitext(name)[1]
    pattern = f"{folder}/train-{{i:05d}}-of-{total}{suffix}"
    return f'[address + f"{pattern}" for i in range({len(files)})]'


def download(loading: Loading) -> Snippet:
    code = f"""\
import hashlib, json, os, pathlib, urllib.request

address, folder = {_quoted(loading.address)}, pathlib.Path({_quoted(loading.name)})
headers = {{"Authorization": f"Bearer {{os.environ['WINNOW_TOKEN']}}"}}

def fetch(path):
    target, digest = folder / path, hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    with urllib.request.urlopen(urllib.request.Request(address + path, headers=headers)) as answer:
        with target.open("wb") as file:
            while block := answer.read(1 << 20):
                digest.update(block)
                file.write(block)
    return digest.hexdigest()

fetch("manifest.json")
for file in json.loads((folder / "manifest.json").read_text())["files"]:
    assert fetch(file["path"]) == file["sha256"], file["path"]"""
    return Snippet("Python alone", "downloads every file and checks it", code)


def _sft(loading: Loading) -> list[Snippet]:
    found = [_trl(loading, "sft"), _open_instruct(loading), _axolotl(loading)]
    if not loading.has_tools and (loading.formats == 1 or len(loading.files) == 1):
        found.append(_llama_factory(loading))
    if loading.kind == "parquet":
        found.append(_verl(loading))
    return found


def _pairs(loading: Loading) -> list[Snippet]:
    return [_trl(loading, "dpo")]


def _prompts(loading: Loading) -> list[Snippet]:
    code = f"""\
from datasets import load_dataset
from trl import GRPOTrainer

prompts = load_dataset({_quoted(loading.root)}, "{loading.profile}", split="train")
trainer = GRPOTrainer(model="$MODEL", reward_funcs=your_reward, train_dataset=prompts)"""
    note = "Every column beside the prompt is passed to the reward function by name."
    return [Snippet("TRL", "GRPO", code.replace("$MODEL", "your/model"), _where(loading, note))]


TRAINERS = {"sft_messages": _sft, "pref_explicit": _pairs, "prompts": _prompts}


def _trl(loading: Loading, command: str) -> Snippet:
    code = (
        f"trl {command} --model_name_or_path your/model --output_dir out \\\n"
        f"  --dataset_name {loading.root} --dataset_config {loading.profile}"
    )
    return Snippet("TRL", command, code, _where(loading))


def _open_instruct(loading: Loading) -> Snippet:
    listed = " \\\n  ".join(f"{path} 1.0" for path in loading.paths)
    note = "1.0 takes every row; 1 would take a single one."
    return Snippet("open-instruct", "finetune.py", f"--dataset_mixer_list {listed}", _where(loading, note))


def _axolotl(loading: Loading) -> Snippet:
    code = (
        f"datasets:\n  - path: {loading.root}\n    name: {loading.profile}\n    split: train\n"
        "    type: chat_template\n    field_messages: messages"
    )
    return Snippet("Axolotl", "config.yaml", code, _where(loading))


def _llama_factory(loading: Loading) -> Snippet:
    path = loading.paths[0] if len(loading.files) == 1 else posixpath.dirname(loading.paths[0])
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
    entry = {
        "file_name": path,
        "formatting": "sharegpt",
        "columns": {"messages": "messages"},
        "tags": tags | {"system_tag": "system"},
    }
    name = loading.name.replace("-", "_")
    note = "Goes into dataset_info.json. Rows whose turns do not alternate are left out there with a warning."
    code = json.dumps({name: entry}, indent=2, ensure_ascii=False)
    return Snippet("LLaMA-Factory", "dataset_info.json", code, _where(loading, note))


def _verl(loading: Loading) -> Snippet:
    files = ",".join(loading.paths)
    code = (
        "torchrun --standalone --nproc_per_node=8 -m verl.trainer.sft_trainer \\\n"
        f"  data.train_files='[{files}]' \\\n  data.messages_key=messages data.max_length=4096"
    )
    note = "A row longer than max_length stops it unless data.truncation says left or right."
    return Snippet("verl", "sft_trainer", code, _where(loading, note))


def _where(loading: Loading, note: str = "") -> str:
    return note if loading.folder else f"Download it first. {note}".strip()


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
