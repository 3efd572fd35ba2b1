"""
Benchmarks that are published on the Hub, as data: `benchmarks.yaml` says of each where it is and what its columns are.

One part of a dataset is read as the Parquet file that the Hub converts every part to, in a branch of its own
(https://huggingface.co/docs/dataset-viewer/parquet). Where the part is not known, all of the dataset is looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import yaml

CONVERTED = "refs/convert/parquet"
FILE = Path(__file__).with_name("benchmarks.yaml")


@dataclass(frozen=True, slots=True)
class Entry:
    """One benchmark; what no source says is empty. `sources` are addresses by what they are called."""

    key: str
    title: str
    skill: str
    hub: str
    sources: Mapping[str, str]
    config: str = ""
    split: str = ""
    question: str = ""
    answer: str = ""
    passage: str = ""
    choices: str = ""
    role: str = ""
    licence: str = ""

    @property
    def one_part(self) -> bool:
        return bool(self.config and self.split)

    @property
    def location(self) -> str:
        """Where its items are: the file of one part, or the dataset."""
        if not self.one_part:
            return self.hub
        path = f"{quote(self.config)}/{quote(self.split)}/0000.parquet"
        return f"https://huggingface.co/datasets/{self.hub}/resolve/{quote(CONVERTED, safe='')}/{path}"

    @property
    def revision(self) -> str:
        return "" if self.one_part else CONVERTED

    @property
    def asked(self) -> str:
        """The query with which the form for sources is filled in."""
        said = {"role": "eval", "name": self.key, "where": self.location, "revision": self.revision}
        return urlencode(said | {"licence": self.licence, "benchmark_role": self.role})

    @property
    def mapping(self) -> dict[str, Any] | None:
        """What an import is told of its columns; None where they are to be seen from the rows."""
        if not self.question:
            return None
        fields = {"prompt": self.question, "context": self.passage, "completion": self.answer}
        shape = "question_answer" if self.answer else "prompt"
        return {"shape": shape, "fields": {role: column for role, column in fields.items() if column}}

    def has(self, words: str) -> bool:
        said = f"{self.title} {self.key} {self.skill} {self.hub} {self.role}".lower()
        return all(word in said for word in words.lower().split())


@cache
def entries() -> tuple[Entry, ...]:
    """All of them, in the order of the file."""
    said = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    addresses: dict[str, str] = said["sources"]
    return tuple(
        Entry(key=key, sources={name: addresses[name] for name in one.pop("from")}, **one)
        for key, one in said["benchmarks"].items()
    )


def entry(key: str) -> Entry | None:
    return next((one for one in entries() if one.key == key), None)
