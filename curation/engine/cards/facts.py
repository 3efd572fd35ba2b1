"""All that is known of one export: what the card, the manifest and the Croissant description are functions of."""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from curation.engine.errors import BadConfig
from curation.engine.exporters import Skips, profile_named
from curation.engine.licences import Claim, Verdict, inherit
from curation.engine.mixing import Recipe


@dataclass(frozen=True, slots=True)
class Source:
    """
    Where `rows` of the export come from. `licence` None means that nobody has said. `own` counts rows that carry a
    licence of their own, by licence; `hub` is the id of the repository where it is one.
    """

    name: str
    location: str
    revision: str
    licence: str | None
    rows: int
    own: Mapping[str, int] = field(default_factory=dict)
    hub: str = ""

    @property
    def claims(self) -> list[Claim]:
        """Its rows by the licence they are under."""
        rest = self.rows - sum(self.own.values())
        mine = [Claim(self.name, self.licence, rest)] if rest or not self.own else []
        return mine + [Claim(self.name, licence, rows) for licence, rows in sorted(self.own.items())]


@dataclass(frozen=True, slots=True)
class Input:
    """A pinned version ("ecqa@2") that went in, the hash of its contents, and how many rows it gave."""

    dataset: str
    content_hash: str
    rows: int


@dataclass(frozen=True, slots=True)
class Benchmark:
    """
    `items_hit` of a benchmark's `items` were found in training data: in `rows_hit` of the `rows` that were
    searched; `removed` rows were taken out for it.
    """

    name: str
    items: int
    items_hit: int
    rows: int
    rows_hit: int
    removed: int


@dataclass(frozen=True, slots=True)
class Decontamination:
    """
    What was searched for and what was not. `weak` counts benchmark items that a method could hardly have
    found, by reason ("shorter than 8 words"). `certificates` are hashes of the reports.
    """

    benchmarks: tuple[Benchmark, ...]
    looked_for: tuple[str, ...]
    not_looked_for: tuple[str, ...] = ()
    weak: Mapping[str, int] = field(default_factory=dict)
    certificates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class File:
    """One file of the export. `profile` is empty for files that belong to none (provenance)."""

    path: str
    rows: int
    bytes: int
    raw_bytes: int
    sha256: str
    profile: str = ""
    split: str = "train"


@dataclass(frozen=True, slots=True)
class Config:
    """
    One profile of the export: its columns, the rows of the mixture that it could not carry, those it carries that
    readers may stumble over, and a few of these to show. Columns of an `inferred` one have other types in its files,
    for readers to find out.
    """

    profile: str
    schema: pa.Schema
    skips: Skips = field(default_factory=Skips)
    warnings: Skips = field(default_factory=Skips)
    inferred: bool = False
    samples: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Build:
    """
    All facts about one export: build `number` of a recipe, with `rows` rows in the mixture. `removed` counts
    rows taken out on the way, by reason. `models` counts the completions that a model wrote, by its name. `override`
    is the reason an owner gave for exporting without a passing check.
    """

    recipe: Recipe
    number: int
    rows: int
    inputs: tuple[Input, ...]
    sources: tuple[Source, ...]
    configs: tuple[Config, ...]
    files: tuple[File, ...]
    code: str
    title: str = ""
    about: str = ""
    tags: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    decontamination: Decontamination | None = None
    removed: Mapping[str, int] = field(default_factory=dict)
    models: Mapping[str, int] = field(default_factory=dict)
    override: str = ""

    def __post_init__(self) -> None:
        for config in self.configs:
            profile_named(config.profile)
            if not self.table(config.profile):
                raise BadConfig(f"The export has no file of its profile {config.profile}")

    def table(self, profile: str) -> list[File]:
        """The files that `load_dataset` reads for a profile: Parquet where there is any, else JSON lines."""
        mine = [file for file in self.files if file.profile == profile]
        return [file for file in mine if file.path.endswith(".parquet")] or mine

    @property
    def listed(self) -> list[Config]:
        """The configs of the card: those in Parquet where any is, as `datasets` reads a folder in one format only."""
        parquet = [one for one in self.configs if self.table(one.profile)[0].path.endswith(".parquet")]
        return parquet or list(self.configs)

    @property
    def name(self) -> str:
        """What a reader calls it."""
        return self.title or self.recipe.name

    @property
    def licence(self) -> Verdict:
        """What it inherits from all of its sources and from rows with a licence of their own."""
        return inherit(claim for source in self.sources for claim in source.claims)


def splits(files: Sequence[File]) -> list[tuple[str, list[File]]]:
    names = sorted({file.split for file in files})
    return [(split, [file for file in files if file.split == split]) for split in names]


def pattern(files: Sequence[File]) -> str:
    """The glob that all files of a split and profile answer to."""
    folder, name = posixpath.split(files[0].path)
    return f"{folder}/{files[0].split}-*{posixpath.splitext(name)[1]}"
