"""
The YAML at the head of README.md, which the Hub and `load_dataset` read.

Its fields are those of the Hub's dataset card (github.com/huggingface/hub-docs, datasetcard.md). What is not known is
left out: a language or an annotator that was guessed is worse than none.
"""

from typing import Any

import pyarrow as pa
import yaml

from curation.engine.cards.facts import Build, Config, pattern, splits
from curation.engine.exporters import profile_named

SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))
LARGER = ((10**7, "1M<n<10M"), (10**8, "10M<n<100M"), (10**9, "100M<n<1B"), (10**10, "1B<n<10B"))


def front(build: Build) -> str:
    """The block between the two lines of dashes, with both."""
    made = yaml.safe_dump(_fields(build), sort_keys=False, allow_unicode=True, width=110)
    return f"---\n{made}---\n"


def _fields(build: Build) -> dict[str, Any]:
    tasks = {task for config in build.configs for task in profile_named(config.profile).tasks}
    given = {
        "language": list(build.languages),
        "annotations_creators": _annotators(build),
        "source_datasets": sorted({source.hub for source in build.sources if source.hub}),
    }
    return _licence(build) | {
        "pretty_name": build.name,
        **{name: values for name, values in given.items() if values},
        "tags": ["winnow", *build.tags],
        "task_categories": sorted(tasks),
        "size_categories": [_size(build.rows)],
        "configs": [_hub_config(build, place, config) for place, config in enumerate(build.listed)],
        "dataset_info": [_info(build, config) for config in build.listed],
    }


def _licence(build: Build) -> dict[str, str]:
    """The inherited licence; one that the Hub has no id for goes by `license_name`, with a link to the section."""
    verdict = build.licence
    fields = {"license": verdict.id}
    if verdict.name:
        fields |= {"license_name": verdict.name, "license_link": "README.md"}
    if len(verdict.found) > 1:
        fields["license_details"] = ", ".join(verdict.found)
    return fields


def _annotators(build: Build) -> list[str]:
    """Only what is known: a named model wrote completions, or they came with a published source."""
    known = {
        "machine-generated": bool(build.models),
        "found": any(source.location for source in build.sources),
    }
    return [name for name, holds in known.items() if holds]


def _hub_config(build: Build, place: int, config: Config) -> dict[str, Any]:
    files = [{"split": split, "path": pattern(own)} for split, own in splits(build.table(config.profile))]
    default = {"default": True} if place == 0 else {}
    return {"config_name": config.profile, **default, "data_files": files}


def _info(build: Build, config: Config) -> dict[str, Any]:
    """`num_bytes` is the size before compression, `download_size` that of the files."""
    files = build.table(config.profile)
    own_splits = [
        {"name": split, "num_bytes": sum(f.raw_bytes for f in own), "num_examples": sum(f.rows for f in own)}
        for split, own in splits(files)
    ]
    features = [{"name": one.name, **_feature(one.type)} for one in config.schema]
    return {
        "config_name": config.profile,
        **({} if config.inferred else {"features": features}),
        "splits": own_splits,
        "download_size": sum(file.bytes for file in files),
        "dataset_size": sum(split["num_bytes"] for split in own_splits),
    }


def _feature(kind: pa.DataType) -> dict[str, Any]:
    """An Arrow type in the notation of `datasets.Features` in YAML."""
    if pa.types.is_struct(kind):
        return {"struct": [{"name": one.name, **_feature(one.type)} for one in kind]}
    if pa.types.is_list(kind):
        inner = _feature(kind.value_type)
        return {"list": inner.get("struct") or inner.get("dtype") or inner}
    return {"dtype": str(kind)}


def _size(rows: int) -> str:
    return next((name for limit, name in SIZES + LARGER if rows < limit), "n>10B")
