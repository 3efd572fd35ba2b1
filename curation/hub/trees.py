"""
The files of an export as entries of a repository's tree.

Every file is told as one of large-file storage, since what is known of it is its sha256; its `oid` is that of the
pointer which git would hold in its place, and can be computed by anybody. That of a folder only tells folders apart.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from curation.delivery import Delivered


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or, without one, a folder."""

    path: str
    file: Delivered | None = None

    def told(self, last_commit: dict[str, str] | None = None) -> dict[str, Any]:
        common: dict[str, Any] = {"path": self.path} | ({"lastCommit": last_commit} if last_commit else {})
        if self.file is None:
            return {"type": "directory", "oid": _sha1(self.path), "size": 0, **common}
        pointer = _pointer(self.file)
        stored = {"oid": self.file.sha256, "size": self.file.bytes, "pointerSize": len(pointer)}
        oid = _sha1(f"blob {len(pointer)}\0{pointer}")
        return {"type": "file", "oid": oid, "size": self.file.bytes, "lfs": stored, **common}


def _pointer(file: Delivered) -> str:
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{file.sha256}\nsize {file.bytes}\n"


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def entries(files: Iterable[Delivered]) -> dict[str, Entry]:
    """Every file and every folder above one, by path, in order."""
    found = {file.path: Entry(file.path, file) for file in files}
    for path in list(found):
        while path := path.rpartition("/")[0]:
            found.setdefault(path, Entry(path))
    return dict(sorted(found.items()))


def below(all_entries: dict[str, Entry], folder: str, recursive: bool) -> list[Entry]:
    """What lies in a folder, "" for the top; with everything further down if so wished."""
    prefix = f"{folder}/" if folder else ""
    inside = (entry for path, entry in all_entries.items() if path.startswith(prefix))
    return [entry for entry in inside if recursive or "/" not in entry.path[len(prefix) :]]


def sibling(file: Delivered, blobs: bool) -> dict[str, Any]:
    """A file as the info of a repository lists it."""
    if not blobs:
        return {"rfilename": file.path}
    told = Entry(file.path, file).told()
    stored = {"sha256": file.sha256, "size": file.bytes, "pointerSize": told["lfs"]["pointerSize"]}
    return {"rfilename": file.path, "size": file.bytes, "blobId": told["oid"], "lfs": stored}
