"""
The files of a published export on their way to a reader, for pages and API alike.

Only what the manifest names is served, and the manifest itself: no path from a request ever reaches the store.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.utils.cache import get_conditional_response

from curation.engine.cards import croissant_at, manifest_hash
from curation.models import Export, store

MANIFEST = "manifest.json"
DESCRIPTION = "croissant.json"
BLOCK = 1 << 20
TYPES = {
    "parquet": "application/vnd.apache.parquet",
    "jsonl": "application/jsonl; charset=utf-8",
    "json": "application/json",
    "md": "text/markdown; charset=utf-8",
}


class Download(FileResponse):
    """A file in blocks of 1 MiB, closed when the reader has it or goes away."""

    block_size = BLOCK


@dataclass(frozen=True, slots=True)
class Delivered:
    """One file of an export as its manifest names it; `rows` is None for what holds no rows."""

    path: str
    bytes: int
    sha256: str
    rows: int | None = None
    profile: str = ""

    @property
    def etag(self) -> str:
        return f'"sha256-{self.sha256}"'


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


def described(export: Export, address: str) -> bytes:
    """Its Croissant description, the files at their addresses below `address`; Http404 for exports without one."""
    if not any(file.path == DESCRIPTION for file in files_of(export)):
        raise Http404(f"{export} was made before exports had a Croissant description.")
    with store().open(f"{export.folder}/{DESCRIPTION}") as file:
        return croissant_at(file.read(), address)


def deliver(request: HttpRequest, export: Export, path: str) -> HttpResponseBase:
    """That file as an attachment, streamed; 304 for who has it, Http404 for what the manifest does not name."""
    file = next((file for file in files_of(export) if file.path == path), None)
    if file is None:
        raise Http404(f"{export} has no file {path}.")
    if known := get_conditional_response(request, etag=file.etag):
        return known
    name = path.rpartition("/")[2]
    kind = TYPES.get(name.rpartition(".")[2], "application/octet-stream")
    body = store().open(f"{export.folder}/{path}")
    response = Download(body, as_attachment=True, filename=name, content_type=kind)
    response.headers["Content-Length"] = str(file.bytes)
    response.headers["ETag"] = file.etag
    response.headers["Cache-Control"] = "private, no-transform"
    return response
