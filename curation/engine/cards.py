"""
What an export says about itself: `README.md` for people and the Hub, `manifest.json` for machines.

Both are functions of the same facts and of nothing else (no clock, no run ids, no addresses), so that an
equal export has an equal card and an equal manifest on any machine. Benchmarks appear as names and numbers:
there is no field that could hold their text. The YAML block follows the Hub's dataset card specification
(github.com/huggingface/hub-docs, datasetcard.md).
"""

import hashlib
import html
import json
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
import pyarrow as pa
import yaml

from curation.engine.errors import BadConfig
from curation.engine.exporters import Skips, profile_named
from curation.engine.mixing import Recipe, dump

FREE = frozenset(
    {"apache-2.0", "bsd", "bsd-2-clause", "bsd-3-clause", "cc-by-2.0", "cc-by-3.0", "cc-by-4.0", "cc0-1.0"}
    | {"cdla-permissive-1.0", "cdla-permissive-2.0", "isc", "mit", "odc-by", "pddl", "unlicense"}
)
BOUND = frozenset(
    {"cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-sa-2.0"}
    | {"odbl", "gpl-3.0"}
    | {"cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0"}
)
SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))
LARGER = ((10**7, "1M<n<10M"), (10**8, "10M<n<100M"), (10**9, "100M<n<1B"), (10**12, "1B<n<10B"))


@dataclass(frozen=True, slots=True)
class Source:
    """Where `rows` of the export come from. `licence` None means that nobody has said."""

    name: str
    location: str
    revision: str
    licence: str | None
    rows: int


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
    One profile of the export: its columns, the rows of the mixture that it could not carry, and those that its
    readers may stumble over. Columns of an `inferred` one have other types in its files, for readers to find out.
    """

    profile: str
    schema: pa.Schema
    skips: Skips = field(default_factory=Skips)
    warnings: Skips = field(default_factory=Skips)
    inferred: bool = False


@dataclass(frozen=True, slots=True)
class Build:
    """
    All facts about one export: build `number` of a recipe, with `rows` rows in the mixture. `removed` counts
    rows taken out on the way, by reason. `override` is the reason an owner gave for exporting without a
    passing check.
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


def card(build: Build, location: str = "path/to/this/folder") -> str:
    """The text of README.md. `location` is what a reader gives to `load_dataset`."""
    front = yaml.safe_dump(_front(build), sort_keys=False, allow_unicode=True, width=110)
    parts = [_opening(build), _data(build), _sources(build), _decontamination(build), _left_out(build)]
    parts += [_loading(build, location), _recipe(build)]
    return f"---\n{front}---\n\n" + "\n\n".join(part for part in parts if part) + "\n"


def manifest(build: Build, also: Iterable[File] = ()) -> bytes:
    """
    manifest.json: canonical JSON (sorted keys, files by path). `also` are files made after the facts were
    gathered, such as the card.
    """
    made = _plain(build) | {
        "format": 1,
        "pyarrow": pa.__version__,
        "recipe": asdict(build.recipe),
        "seed": build.recipe.seed,
        "files": [asdict(file) for file in sorted([*build.files, *also], key=lambda file: file.path)],
        "configs": {config.profile: _config(build, config) for config in build.configs},
    }
    return orjson.dumps(made, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def manifest_hash(made: bytes) -> str:
    """
    The identity of an export: sha256 of its manifest. The Hub-compatible revision is its first 40 digits.
    """
    return hashlib.sha256(made).hexdigest()


def licence_of(licences: Sequence[str | None]) -> str:
    """
    One Hub licence id for rows under several: theirs when they agree; the restrictive one when all others are
    free (attribution at most); else "other", as terms that may contradict each other are not for a program to
    weigh.
    """
    ids = {_licence_id(licence) for licence in licences}
    bound = ids - FREE
    if len(ids) == 1 and ids <= FREE | BOUND:
        return ids.pop()
    if len(bound) == 1 and bound <= BOUND:
        return bound.pop()
    return "other"


def _licence_id(licence: str | None) -> str:
    return "-".join((licence or "unknown").lower().split())


def _plain(build: Build) -> dict[str, Any]:
    """The facts that stand in the manifest as they are."""
    names = ("number", "rows", "code", "title", "override")
    plain: dict[str, Any] = {name: getattr(build, name) for name in names}
    plain["name"] = build.recipe.name
    plain["inputs"] = [asdict(one) for one in build.inputs]
    plain["sources"] = [asdict(one) for one in build.sources]
    plain["removed"] = dict(build.removed)
    plain["decontamination"] = asdict(build.decontamination) if build.decontamination else None
    return plain


def _config(build: Build, config: Config) -> dict[str, Any]:
    return {
        "columns": {one.name: str(one.type) for one in config.schema},
        "rows": sum(file.rows for file in build.table(config.profile)),
        "skips": asdict(config.skips),
        "warnings": asdict(config.warnings),
    }


def _front(build: Build) -> dict[str, Any]:
    licences = sorted({_licence_id(source.licence) for source in build.sources})
    tasks = {task for config in build.configs for task in profile_named(config.profile).tasks}
    front: dict[str, Any] = {"license": licence_of(licences)}
    if front["license"] == "other":
        front["license_name"] = "see-sources"
    if len(licences) > 1:
        front["license_details"] = ", ".join(licences)
    return front | {
        "pretty_name": build.title or build.recipe.name,
        **({"language": list(build.languages)} if build.languages else {}),
        "tags": ["winnow", *build.tags],
        "task_categories": sorted(tasks),
        "size_categories": [_size(build.rows)],
        "configs": [_hub_config(build, place, config) for place, config in enumerate(build.listed)],
        "dataset_info": [_info(build, config) for config in build.listed],
    }


def _hub_config(build: Build, place: int, config: Config) -> dict[str, Any]:
    files = [{"split": split, "path": _glob(own)} for split, own in _splits(build.table(config.profile))]
    default = {"default": True} if place == 0 else {}
    return {"config_name": config.profile, **default, "data_files": files}


def _info(build: Build, config: Config) -> dict[str, Any]:
    """`num_bytes` is the size before compression, `download_size` that of the files."""
    files = build.table(config.profile)
    splits = [
        {"name": split, "num_bytes": sum(f.raw_bytes for f in own), "num_examples": sum(f.rows for f in own)}
        for split, own in _splits(files)
    ]
    features = [{"name": one.name, **_feature(one.type)} for one in config.schema]
    return {
        "config_name": config.profile,
        **({} if config.inferred else {"features": features}),
        "splits": splits,
        "download_size": sum(file.bytes for file in files),
        "dataset_size": sum(split["num_bytes"] for split in splits),
    }


def _feature(kind: pa.DataType) -> dict[str, Any]:
    """An Arrow type in the notation of `datasets.Features` in YAML."""
    if pa.types.is_struct(kind):
        return {"struct": [{"name": one.name, **_feature(one.type)} for one in kind]}
    if pa.types.is_list(kind):
        inner = _feature(kind.value_type)
        return {"list": inner.get("struct") or inner.get("dtype") or inner}
    return {"dtype": str(kind)}


def _splits(files: Sequence[File]) -> list[tuple[str, list[File]]]:
    names = sorted({file.split for file in files})
    return [(split, [file for file in files if file.split == split]) for split in names]


def _glob(files: Sequence[File]) -> str:
    folder, name = posixpath.split(files[0].path)
    return f"{folder}/{files[0].split}-*{posixpath.splitext(name)[1]}"


def _size(rows: int) -> str:
    return next((name for limit, name in SIZES + LARGER if rows < limit), "n>1T")


def _opening(build: Build) -> str:
    title = _text(build.title or build.recipe.name)
    count = f"{_count(build.rows, 'row')} from {_count(len(build.sources), 'source')}"
    made = f"Built by Winnow {_text(build.code)}; `manifest.json` lists every file with its sha256."
    what = f"Export {build.number} of the mixture `{build.recipe.name}`: {count}, seed {build.recipe.seed}."
    opening = f"# {title}\n\n{what} {made}"
    if build.about:
        opening += "\n\n" + _text(build.about)
    if build.override:
        opening += f"\n\n**Exported without a passing check.** The reason given: {_text(build.override)}"
    return opening


def _data(build: Build) -> str:
    rows = [
        (
            config.profile,
            split,
            sum(f.rows for f in own),
            len(own),
            sum(f.bytes for f in own),
            config.skips.total,
        )
        for config in build.configs
        for split, own in _splits(build.table(config.profile))
    ]
    about = "\n".join(f"- `{c.profile}`: {profile_named(c.profile).title.lower()}" for c in build.configs)
    return f"## Data\n\n{about}\n\n" + _table(
        ("Config", "Split", "Rows", "Files", "Bytes", "Rows skipped"), rows
    )


def _sources(build: Build) -> str:
    rows = [(s.name, s.location, s.revision, s.licence or "unknown", s.rows) for s in build.sources]
    note = "Every row carries the licence of its source in the provenance file."
    return f"## Sources\n\n{_table(('Source', 'Location', 'Revision', 'Licence', 'Rows'), rows)}\n\n{note}"


def _decontamination(build: Build) -> str:
    found = build.decontamination
    if found is None:
        return "## Decontamination\n\nNot looked for: this export was not compared with any benchmark."
    heads = ("Benchmark", "Items", "Items hit", "Training rows", "Rows hit", "Rows removed")
    rows = [
        (b.name, b.items, _part(b.items_hit, b.items), b.rows, _part(b.rows_hit, b.rows), b.removed)
        for b in found.benchmarks
    ]
    lines = [f"Looked for: {_list(found.looked_for)}. Not yet looked for: {_list(found.not_looked_for)}."]
    if found.weak:
        lines.append(
            "Weakly checked items: " + _list(f"{n:,} ({why})" for why, n in sorted(found.weak.items())) + "."
        )
    if found.certificates:
        lines.append("Certificates: " + ", ".join(f"`{_text(one)}`" for one in found.certificates) + ".")
    return "## Decontamination\n\n" + _table(heads, rows) + "\n\n" + "\n\n".join(lines)


def _left_out(build: Build) -> str:
    rows = [("on the way", reason, count) for reason, count in sorted(build.removed.items())]
    for config in build.configs:
        rows += [(config.profile, reason, count) for reason, count in sorted(config.skips.counts.items())]
    return "## Left out\n\n" + _table(("Where", "Reason", "Rows"), rows) if rows else ""


def _loading(build: Build, location: str) -> str:
    code = "\n".join(
        f'{config.profile} = load_dataset({json.dumps(location)}, "{config.profile}", split="{split}")'
        for config in build.listed
        for split, _ in _splits(build.table(config.profile))[:1]
    )
    return f"## Load\n\n```python\nfrom datasets import load_dataset\n\n{code}\n```"


def _recipe(build: Build) -> str:
    inputs = [(one.dataset, one.content_hash, one.rows) for one in build.inputs]
    same = "The same recipe over versions with these content hashes gives the same files, byte for byte,"
    note = f"{same} with the versions of Winnow and pyarrow that `manifest.json` names."
    return (
        f"## Reproduce\n\n{_table(('Version', 'Content hash', 'Rows'), inputs)}\n\n{note}\n\n"
        f"```yaml\n{dump(build.recipe)}```"
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str | int]]) -> str:
    rows = list(rows)
    numeric = [all(isinstance(row[i], int) for row in rows) for i in range(len(heads))]
    lines = [heads, ["---:" if right else "---" for right in numeric]]
    cells = [[f"{cell:,}" if isinstance(cell, int) else _text(cell) for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in [*lines, *cells])


def _text(value: str) -> str:
    """Somebody's words as one line of Markdown: no table cell, link, image, code or HTML of their own."""
    return re.sub(r"[\\`|\[\]]", r"\\\g<0>", html.escape(" ".join(value.split()), quote=False))


def _part(some: int, of: int) -> str:
    return f"{some:,} ({100 * some / of:.2f} %)" if of else f"{some:,}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _list(words: Iterable[str]) -> str:
    return ", ".join(_text(word) for word in words) or "nothing"
