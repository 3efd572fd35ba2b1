"""Find the files of a source: a file, a folder or a glob."""

import glob
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import orjson

from curation.engine.errors import BadInput
from curation.engine.readers.items import Compression, Format, Options, SourceFile
from curation.engine.readers.streams import HEAD, Damaged, blocks, compression_of

SUFFIXES = {
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".jsonlines": Format.JSONL,
    ".json": Format.JSON,
    ".csv": Format.CSV,
    ".tsv": Format.TSV,
    ".tab": Format.TSV,
    ".parquet": Format.PARQUET,
    ".pq": Format.PARQUET,
}
PACKED = frozenset({".gz", ".gzip", ".zst", ".zstd", ".bz2", ".xz"})
DESCRIPTIONS = frozenset({"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"})
READABLE = "JSONL, JSON, CSV, TSV and Parquet, also packed as .gz, .zst, .bz2 or .xz"
EVAL_WORD = re.compile(
    r"(?<![a-z])(test|testing|testset|evals?|evaluation|dev|val|valid|validation|held[-_ ]?out)(?![a-z])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Found:
    """What lies at a location: files in order of their names, and the names of those of unknown kind."""

    files: tuple[SourceFile, ...]
    ignored: tuple[str, ...] = ()


def find(location: str, guard: Callable[[str], object] = bool) -> Found:
    """
    The files at `location`: one file, a folder with everything below it, or a glob (`**` crosses folders).

    Names are relative to the folder (for a glob: to its part before the first wildcard), so that equal names
    in different folders stay apart. Hidden files are passed over. Raises BadInput when nothing can be read.
    `guard` sees the path of every file before it is opened, and raises when it must not be.
    """
    if os.path.isfile(location):
        guard(location)
        return Found((_described(location, os.path.basename(location), sniff=True),))
    root, paths = _listed(location)
    named = sorted((PurePosixPath(Path(path).relative_to(root)).as_posix(), path) for path in paths)
    known = [(name, path) for name, path in named if kind_of(name)]
    ignored = tuple(name for name, _ in named if not kind_of(name))
    if not known:
        raise BadInput(_nothing(location, ignored))
    for _, path in known:
        guard(path)
    return Found(tuple(_described(path, name) for name, path in known), ignored)


def kind_of(name: str) -> Format | None:
    """The format that a file's name promises; None for names that hold no rows."""
    path = PurePosixPath(name)
    if path.suffix.lower() in PACKED:
        path = path.with_suffix("")
    return None if path.name in DESCRIPTIONS else SUFFIXES.get(path.suffix.lower())


def described(path: str, name: str) -> SourceFile:
    """The file at `path` under the name `name`. Raises BadInput when it is of no readable kind."""
    return _described(path, name, sniff=True)


def require_readable(name: str, head: bytes) -> Format:
    """The kind of a file by its name, else by how it begins. Raises BadInput when it is of none that is read."""
    kind = kind_of(name) or _kind_by_content(head)
    if kind is None:
        raise BadInput(f"{name} is of a kind that cannot be read. Readable are {READABLE}")
    return kind


def fixed_part(location: str) -> Path:
    """The folder of a glob before its first wildcard; of another location all of it."""
    parts = Path(location).parts
    return Path(*parts[: next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts))])


def looks_like_eval_split(name: str) -> str | None:
    """
    The word that marks `name` as held-out data, such as "test" in "main/test-00000.parquet"; None without.

    `name` is a `SourceFile.name`: folders above the location take no part.
    """
    found = EVAL_WORD.search(name)
    return found[0].lower() if found else None


def _listed(location: str) -> tuple[Path, Iterable[str]]:
    if os.path.isdir(location):
        return Path(location), _walked(location)
    if glob.has_magic(location):
        found = glob.iglob(location, recursive=True)
        return fixed_part(location), (path for path in found if os.path.isfile(path))
    raise BadInput(f"There is no file or folder at {location}")


def _walked(folder: str) -> Iterator[str]:
    for path, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (os.path.join(path, name) for name in files if not name.startswith("."))


def _unreadable(error: OSError) -> None:
    raise BadInput(f"The folder {error.filename} cannot be listed: {error.strerror}") from error


def _nothing(location: str, ignored: tuple[str, ...]) -> str:
    if not ignored:
        return f"There is no file at {location}"
    more = f" and {len(ignored) - 3} more" if len(ignored) > 3 else ""
    return f"Nothing at {location} can be read: {', '.join(ignored[:3])}{more}. Readable are {READABLE}"


def _described(path: str, name: str, sniff: bool = False) -> SourceFile:
    try:
        with open(path, "rb") as stream:
            head = stream.read(HEAD)
        size = os.path.getsize(path)
    except OSError as error:
        raise BadInput(f"{name} cannot be opened: {error.strerror}") from error
    kind = require_readable(name, head if sniff else b"")
    shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")  # ids are UTF-8
    file = SourceFile(path, shown, size, kind, compression_of(head))
    return _json_as_written(file) if kind in (Format.JSON, Format.JSONL) else file


def _kind_by_content(head: bytes) -> Format | None:
    if head.startswith(b"PAR1"):
        return Format.PARQUET
    packed = compression_of(head) is not Compression.NONE
    return Format.JSON if packed or head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") else None


def _json_as_written(file: SourceFile) -> SourceFile:
    """`.json` files are often JSON lines, and `.jsonl` files sometimes an array: the first line decides."""
    try:
        head = next(blocks(file, Options()), b"").lstrip()
    except (Damaged, BadInput):  # reading will say it
        return file
    first, newline, rest = head.partition(b"\n")
    if first.startswith(b"["):
        lists = file.format is Format.JSONL and newline and rest.strip() and _is_json(first)
        return replace(file, format=Format.JSONL if lists else Format.JSON)
    if first.strip() == b"{":
        return replace(file, format=Format.JSON)
    return replace(file, format=Format.JSONL) if newline and _is_json(first) else file


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True
