"""manifest.json: every fact about an export and every file with its checksum, as canonical JSON."""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import orjson
import pyarrow as pa

from curation.engine.cards.facts import Build, Config, File


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


def _plain(build: Build) -> dict[str, Any]:
    """The facts that stand in the manifest as they are."""
    names = ("number", "rows", "code", "title", "override")
    plain: dict[str, Any] = {name: getattr(build, name) for name in names}
    plain["name"] = build.recipe.name
    plain["inputs"] = [asdict(one) for one in build.inputs]
    plain["sources"] = [asdict(one) for one in build.sources]
    plain["licence"] = asdict(build.licence)
    plain["models"] = dict(build.models)
    plain["removed"] = dict(build.removed)
    plain["decontamination"] = asdict(build.decontamination) if build.decontamination else None
    return plain


def _config(build: Build, config: Config) -> dict[str, Any]:
    return {
        "columns": {one.name: str(one.type) for one in config.schema},
        "rows": sum(file.rows for file in build.table(config.profile)),
        "skips": asdict(config.skips),
        "warnings": asdict(config.warnings),
        "samples": [row["id"] for row in config.samples if "id" in row],
    }
