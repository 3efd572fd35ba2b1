"""
The files of a published export on their way to a reader, for pages and API alike.

Only what the manifest names is served, and the manifest itself: no path from a request ever reaches the store.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from django.http import Http404, HttpRequest, HttpResponseBase

from curation.delivery.sending import Sent, send
from curation.engine.cards import croissant_at, manifest_hash
from curation.models import Export, store

MANIFEST, CARD, DESCRIPTION = "manifest.json", "README.md", "croissant.json"


@dataclass(frozen=True, slots=True)
class Delivered:
    """One file of an export as its manifest names it; `rows` is None for what holds no rows."""

    path: str
    bytes: int
    sha256: str
    rows: int | None = None
    profile: str = ""


def withdrawn(export: Export) -> str:
    """What whoever asks for its files is told; empty when it is published."""
    if export.status == Export.Status.PUBLISHED:
        return ""
    return f"{export} was withdrawn: {export.withdrawn_because}. Its files are no longer served."


def manifest_of(export: Export) -> dict[str, Any]:
    """What the export says about itself; BadInput when the file is not in the store any more."""
    return _read(export.folder, export.manifest_hash)[0]


@lru_cache(maxsize=16)
def _read(folder: str, _identity: str) -> tuple[dict[str, Any], int, str]:
    """The manifest, its size and its hash. It never changes, hence is read once."""
    with store().open(f"{folder}/{MANIFEST}") as file:
        text = file.read()
    return orjson.loads(text), len(text), manifest_hash(text)


@lru_cache(maxsize=16)
def _card(folder: str, _identity: str) -> str:
    with store().open(f"{folder}/{CARD}") as file:
        return str(file.read().decode(errors="replace"))


def card_of(export: Export) -> tuple[str, str]:
    """Its README.md: the YAML that it begins with, and its text."""
    text = _card(export.folder, export.manifest_hash)
    before, *parts = text.split("---\n", 2)
    return (parts[0], parts[1]) if len(parts) == 2 and not before else ("", text)


def files_of(export: Export) -> list[Delivered]:
    """Every file that is served: those of the manifest in its order, then the manifest."""
    made, size, sha256 = _read(export.folder, export.manifest_hash)
    files = [
        Delivered(
            path=file["path"],
            bytes=file["bytes"],
            sha256=file["sha256"],
            rows=file["rows"] if file["path"].endswith((".parquet", ".jsonl")) else None,
            profile=file["profile"],
        )
        for file in made["files"]
    ]
    return [*files, Delivered(MANIFEST, size, sha256)]


def named(export: Export, path: str) -> Delivered | None:
    """The file of that name, if the manifest names one."""
    return next((file for file in files_of(export) if file.path == path), None)


def described(export: Export, address: str) -> bytes:
    """Its Croissant description, the files at their addresses below `address`; Http404 for exports without one."""
    if not any(file.path == DESCRIPTION for file in files_of(export)):
        raise Http404(f"{export} was made before exports had a Croissant description.")
    with store().open(f"{export.folder}/{DESCRIPTION}") as file:
        return croissant_at(file.read(), address)


def deliver(request: HttpRequest, export: Export, path: str) -> HttpResponseBase:
    """That file as an attachment, or a range of it; Http404 for what the manifest does not name."""
    file = named(export, path)
    if file is None:
        raise Http404(f"{export} has no file {path}.")
    place, name = f"{export.folder}/{path}", path.rpartition("/")[2]
    return send(request, Sent(place, name, file.bytes, file.sha256, export.created))
