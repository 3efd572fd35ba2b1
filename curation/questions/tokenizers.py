"""Which tokenizers there are: files below one folder that whoever runs this server put there."""

import hashlib
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from curation.engine.errors import BadInput
from curation.engine.mixing import BYTES
from curation.engine.names import NAME

FILE = "tokenizer.json"


def tokenizers() -> list[str]:
    """The names of those that can be chosen, the one that needs no file first."""
    return [BYTES, *sorted(_files())]


def tokenizer_file(name: str) -> Path:
    """Where the tokenizer of that name lies; BadInput where there is none."""
    found = _files()
    if name not in found:
        raise BadInput(
            f"There is no tokenizer {name}; there are: {', '.join(tokenizers())}. Others are put below the folder that "
            f"WINNOW_TOKENIZERS names, as name/{FILE} or name.json."
        )
    return found[name]


def tokenizer_sha256(name: str) -> str:
    """Of the file as it is now; empty where there is none that can be read."""
    try:
        path = _files()[name]
        told = path.stat()
        return _sha256(path, told.st_mtime_ns, told.st_size)
    except (KeyError, OSError):
        return ""


@lru_cache(maxsize=64)
def _sha256(path: Path, _modified: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files() -> dict[str, Path]:
    folder: Path | None = settings.TOKENIZERS
    if folder is None or not folder.is_dir():
        return {}
    found = {path.stem: path for path in folder.glob("*.json")}
    found |= {path.parent.name: path for path in folder.glob(f"*/{FILE}")}
    return {name: path for name, path in found.items() if NAME.fullmatch(name)}
