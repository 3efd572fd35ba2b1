"""What a snippet is, what it is made of, and the plain ways to an export: `datasets`, and a download."""

import json
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

REMOTE = "It needs the package aiohttp. A wrong token shows up here as FileNotFoundError."


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
    row once, `name` what a downloaded copy is called, `formats` in how many the profile was written.
    """

    name: str
    profile: str
    address: str
    folder: str = ""
    files: Sequence[str] = ()
    formats: int = 1
    lines: Sequence[str] = ()
    tools: bool = False

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
    def line_paths(self) -> list[str]:
        """The files of JSON lines, where the profile was written so."""
        return self.paths if self.kind == "json" else [f"{self.root}/{path}" for path in self.lines]

    @property
    def place(self) -> str:
        """The one file, or the folder of several; "" where that holds another format as well."""
        if len(self.files) == 1:
            return self.paths[0]
        return posixpath.dirname(self.paths[0]) if self.formats == 1 else ""


def plainly(loading: Loading) -> list[Snippet]:
    """The ways that need no trainer."""
    first = [local(loading)] if loading.folder else []
    return [*first, remote(loading), download(loading)]


def local(loading: Loading) -> Snippet:
    """By its config, or, for JSON lines, which a card beside Parquet does not list, by its files."""
    what = f'    {quoted(loading.folder)},\n    "{loading.profile}",'
    if loading.kind == "json":
        what = f'    "json",\n    data_files={quoted(f"{posixpath.dirname(loading.paths[0])}/*.jsonl")},'
    code = f"""\
from datasets import load_dataset

{loading.profile} = load_dataset(
{what}
    split="train",
)"""
    return Snippet("datasets", "on this machine", code, "Read the files there, and do not write beside them.")


def remote(loading: Loading) -> Snippet:
    code = f"""\
import os
from datasets import load_dataset

address = {quoted(loading.address)}
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

address, folder = {quoted(loading.address)}, pathlib.Path({quoted(loading.name)})
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


def where(loading: Loading, note: str = "") -> str:
    return note if loading.folder else f"Download it first. {note}".strip()


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
