"""
Where rows may be read from when somebody else than the owner of the machine says where: below certain folders.

A path is judged by where it really leads: symlinks are followed before it is compared, for a folder or a glob also
those of every file in it.
"""

import re
import stat
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from curation.engine.errors import BadInput, Refused
from curation.engine.readers.files import fixed_part

LONGEST_NAME = 200  # bytes; file systems take 255


@dataclass(frozen=True, slots=True)
class Place:
    """A location to read from. `outside`: it came from a page or the API, so that it is checked where it is read."""

    kind: str
    location: str
    revision: str = ""
    outside: bool = False


def under_roots(path: str, roots: Sequence[Path]) -> Path:
    """
    Where the file or folder `path` (or the fixed part of a glob) really is. Refused when that is not below one of
    `roots`, and for anything that is no plain absolute path.
    """
    if "\0" in path or "::" in path or "://" in path or path.startswith(("~", "//", "\\")):
        raise Refused(f"This is no plain path. {allowed(roots)}")
    if not path.startswith("/"):
        raise Refused(f"A path must be absolute. {allowed(roots)}")
    if ".." in path.split("/"):
        raise Refused("A path must not hold “..”; write down the folder that is meant")
    return _real(fixed_part(path), path, roots)


def guard(roots: Sequence[Path]) -> Callable[[str], None]:
    """What says no to a file that is found below a location but leads elsewhere, or is no file at all."""

    def check(path: str) -> None:
        real = _real(Path(path), path, roots)
        try:
            kind = real.stat().st_mode
        except OSError as error:
            raise BadInput(f"{path} cannot be opened: {error.strerror}") from error
        if not stat.S_ISREG(kind):
            raise BadInput(f"{path} is not a plain file, so it cannot be read")

    return check


def allowed(roots: Sequence[Path]) -> str:
    """The sentence about what is."""
    others = "upload the file, or give an address (https://…) or a Hub id (owner/name)"
    if not roots:
        return f"Files of this server cannot be imported here (WINNOW_IMPORT_ROOTS names no folder): {others}"
    return f"Paths must lie below {' or '.join(str(root) for root in roots)}; or {others}"


def plain_name(name: str) -> str:
    """The last part of a name as a file name that does anywhere: letters, digits, “._-”; its end is kept."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    plain = re.sub(r"[^\w.-]+", "_", last).lstrip("._-")
    return plain.encode()[-LONGEST_NAME:].decode(errors="ignore").lstrip("._-") or "download"


def _real(path: Path, named: str, roots: Sequence[Path]) -> Path:
    try:
        real = path.resolve()
        inside = any(real.is_relative_to(root.resolve()) for root in roots)
    except (OSError, RuntimeError):  # a loop of symlinks
        inside = False
    if not inside:
        raise Refused(f"{named} does not lie where files may be imported from. {allowed(roots)}")
    return real
