"""
croissant.json: the export in the metadata format of MLCommons (docs.mlcommons.org/croissant, version 1.1), JSON-LD.

Addresses of files are relative to the folder, so that the bytes do not depend on who serves them; `croissant_at` gives
the same description for a reader who has only its address. A field with an Arrow list of structs has sub-fields; what
is JSON text in the files stays text.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson
import pyarrow as pa

from curation.engine.cards.facts import Build, Config, File, pattern, splits
from curation.engine.exporters import profile_named

VERSION = "http://mlcommons.org/croissant/1.1"
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
TYPES = {".parquet": "application/x-parquet", ".jsonl": "application/jsonlines"}
SPDX = "https://spdx.org/licenses/"


def croissant(build: Build) -> bytes:
    """croissant.json of an export."""
    return _dumped(_described(build))


def croissant_at(made: bytes, address: str) -> bytes:
    """The same for a reader elsewhere: `address` is that of the folder, and files have addresses below it."""
    described = orjson.loads(made)
    for one in described["distribution"]:
        if "contentUrl" in one:
            one["contentUrl"] = address.rstrip("/") + "/" + quote(one["contentUrl"])
    return _dumped(described | {"url": address})


def _dumped(described: Mapping[str, Any]) -> bytes:
    return orjson.dumps(described, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _described(build: Build) -> dict[str, Any]:
    name, verdict = build.recipe.name, build.licence
    about = build.about or f"Export {build.number} of the mixture {name}: {build.rows:,} rows."
    sources = [
        source.location for source in build.sources if source.location.startswith(("http://", "https://"))
    ]
    sources += [f"https://huggingface.co/datasets/{source.hub}" for source in build.sources if source.hub]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": VERSION,
        "name": build.name,
        "description": about,
        "license": verdict.shown,
        "version": f"{build.number}.0.0",
        "citeAs": f"{build.name}, export {build.number} of the mixture {name}, built with Winnow {build.code}.",
        "keywords": ["winnow", *build.tags],
        **({"inLanguage": list(build.languages)} if build.languages else {}),
        **({"isBasedOn": sorted(sources)} if sources else {}),
        "rai:dataLimitations": f"Licence: {verdict.why}.",
        "distribution": [*_objects(build), *_sets(build)],
        "recordSet": [_records(build, config) for config in build.configs],
    }


def _objects(build: Build) -> list[dict[str, Any]]:
    """Every file of the data with its checksum."""
    return [
        {
            "@type": "cr:FileObject",
            "@id": file.path,
            "name": file.path.rpartition("/")[2],
            "contentUrl": file.path,
            "contentSize": f"{file.bytes} B",
            "encodingFormat": _type(file),
            "sha256": file.sha256,
        }
        for file in sorted(build.files, key=lambda file: file.path)
    ]


def _type(file: File) -> str:
    return next(kind for suffix, kind in TYPES.items() if file.path.endswith(suffix))


def _sets(build: Build) -> list[dict[str, Any]]:
    """What `load_dataset` reads of a profile and split, as one set of files."""
    return [
        {
            "@type": "cr:FileSet",
            "@id": f"{config.profile}-{split}",
            "name": f"{config.profile}-{split}",
            "encodingFormat": _type(own[0]),
            "includes": pattern(own),
        }
        for config in build.configs
        for split, own in splits(build.table(config.profile))
    ]


def _records(build: Build, config: Config) -> dict[str, Any]:
    """The rows of a profile; each field is a column of its files."""
    split, own = splits(build.table(config.profile))[0]
    return {
        "@type": "cr:RecordSet",
        "@id": config.profile,
        "name": config.profile,
        "description": f"{profile_named(config.profile).title}: {sum(file.rows for file in own):,} rows.",
        "field": [_field(one, config.profile, f"{config.profile}-{split}") for one in config.schema],
    }


def _field(column: pa.Field, above: str, files: str, path: tuple[str, ...] = ()) -> dict[str, Any]:
    """A column, or a part of one; `path` are the names above it."""
    identity = f"{above}/{column.name}"
    repeated = pa.types.is_list(column.type)
    inner = column.type.value_type if repeated else column.type
    made: dict[str, Any] = {"@type": "cr:Field", "@id": identity, "name": column.name}
    if repeated:
        made |= {"isArray": True, "arrayShape": "-1"}
    if pa.types.is_struct(inner):
        below = (*path, column.name + ("[*]" if repeated and path else ""))
        return made | {"subField": [_field(one, identity, files, below) for one in inner]}
    return made | {"dataType": _data_type(inner), "source": _source(files, (*path, column.name))}


def _source(files: str, path: tuple[str, ...]) -> dict[str, Any]:
    """
    Where a leaf is read: a column, and in each of its values a JSON path. MLCommons' own reader gives messages so, and
    fails on a list within them (`tool_calls`), which it checks but cannot read in any notation.
    """
    made: dict[str, Any] = {"fileSet": {"@id": files}, "extract": {"column": path[0]}}
    return made | ({"transform": {"jsonPath": ".".join(path[1:])}} if path[1:] else {})


def _data_type(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "sc:Boolean"
    if pa.types.is_integer(kind):
        return "sc:Integer"
    return "sc:Float" if pa.types.is_floating(kind) else "sc:Text"
