"""
Where rows may come from, decided by who says so.

Pages and the API give a `Location` by `from_outside`: an upload of the same project, an http(s) address, a path below
WINNOW_IMPORT_ROOTS, or a Hub id. Only the shell reads other paths, by `from_shell`. What is decided here is decided
again where the bytes are read: hosts move, and so do symlinks.
"""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler
from django.utils import timezone

from curation.engine.errors import BadConfig, BadInput, Refused
from curation.engine.readers.addresses import checked
from curation.engine.readers.files import kind_of, require_readable
from curation.engine.readers.places import allowed, plain_name, under_roots
from curation.engine.readers.streams import HEAD
from curation.engine.store import HashingFile
from curation.models import Project, Run, Source, store

Kind = Source.Location
LONGEST = 2000
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
UPLOAD = re.compile(r"upload:([0-9a-f]{32})/([\w-][\w.-]*)")
BLOCK = 1 << 20
FORM = 1 << 20  # bytes of a form beside its file


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Location:
    """Where rows are. `outside`: a page or the API said so. Of an upload, its bytes and sha256 are known as well."""

    kind: str
    text: str
    outside: bool = True
    bytes: int = 0
    sha256: str = ""

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise BadConfig("Say where the rows are: a file, a folder, a glob or a Hub id")
        if len(self.text) > LONGEST:
            raise BadConfig(f"A location has at most {LONGEST:,} characters")
        if self.kind == Kind.UPLOAD and not UPLOAD.fullmatch(self.text):
            raise BadInput("This is no upload of this installation; upload the file again")


def from_outside(text: str, project: Project) -> Location:
    """What somebody wrote into a form or a request body. Raises BadInput or Refused with a sentence."""
    text = text.strip()
    if text.startswith("upload:"):
        return _uploaded(text, project)
    if "://" in text or text.lower().startswith(("http:", "https:")):
        checked(text)
        return Location(Kind.URL, text)
    if text.startswith(("/", "~", "\\")) or "::" in text:
        under_roots(text, settings.IMPORT_ROOTS)
        return Location(Kind.FILES, text)
    if REPOSITORY.fullmatch(text) and kind_of(text) is None:
        return Location(Kind.HUB, text)
    raise BadInput(f"This is no address, path or Hub id. {allowed(settings.IMPORT_ROOTS)}")


def from_shell(text: str) -> Location:
    """What the owner of the machine typed: any path, glob, address or Hub id."""
    if re.match(r"https?://", text, re.IGNORECASE):
        checked(text)
        return Location(Kind.URL, text, outside=False)
    if REPOSITORY.fullmatch(text) and not Path(text).exists() and kind_of(text) is None:
        return Location(Kind.HUB, text, outside=False)
    return Location(Kind.FILES, str(Path(text).absolute()) if text.strip() else text, outside=False)


def of_source(source: Source) -> Location:
    """Where a registered source is, for a page that looks at it or imports it again."""
    return Location(source.kind, source.location)


def keep_upload(project: Project, file: Readable, name: str) -> Location:
    """Stream an uploaded file into the store. Raises BadInput when it is too large, empty or of no readable kind."""
    name, key = plain_name(name), _fresh_key()
    folder = f"{_folder(project.pk)}/{key}"
    try:
        written = _written(file, f"{folder}/{name}", name)
    except BaseException:
        store().remove(folder)
        raise
    return Location(Kind.UPLOAD, f"upload:{key}/{name}", bytes=written.bytes, sha256=written.sha256)


def upload_path(project: int, text: str) -> str:
    """Where in the store an upload is: in the folder of the project that asks, whatever the text says."""
    found = UPLOAD.fullmatch(text)
    if found is None:
        raise BadInput("This is no upload of this installation; upload the file again")
    return f"{_folder(project)}/{found[1]}/{found[2]}"


def upload_name(text: str) -> str:
    return text.rpartition("/")[2]


def stray_uploads(hours: float) -> list[str]:
    """Folders of uploads older than that which no source is at and no unfinished run reads."""
    found = []
    for project in store().folders("uploads"):
        used = _used(project)
        for key in store().folders(f"uploads/{project}"):
            if key not in used and _age(key) > timedelta(hours=hours):
                found.append(f"uploads/{project}/{key}")
    return found


class CappedUpload(FileUploadHandler):
    """Refuses a request by its length, before its file fills the disk; from nobody it takes no more than a form."""

    def handle_raw_input(self, *told: Any, **more: Any) -> None:
        content_length = told[2]
        if content_length > FORM and not _signed_in(self.request):
            raise RequestDataTooBig("Sign in before you send a file")
        if content_length > settings.MAX_UPLOAD_BYTES + FORM:
            raise RequestDataTooBig(_too_large())

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None


def _signed_in(request: Any) -> bool:
    """By session or token. This is asked before the middleware that knows the user: it reads the form first."""
    return bool(getattr(request, "token", None) or getattr(request, "session", {}).get(SESSION_KEY))


def _uploaded(text: str, project: Project) -> Location:
    location = Location(Kind.UPLOAD, text)
    path = upload_path(project.pk, text)
    if not store().fs.exists(store().full(path)):
        raise BadInput("This upload is gone (unused ones go after a day); upload the file again")
    return location


def _written(file: Readable, path: str, name: str) -> HashingFile:
    head = file.read(BLOCK)
    if not head:
        raise BadInput(f"{name} is empty")
    require_readable(name, head[:HEAD])
    target = store().create(path)
    try:
        for block in _blocks(head, file):
            target.write(block)
            if target.bytes > settings.MAX_UPLOAD_BYTES:
                raise Refused(_too_large())
    finally:
        target.close()
    return target


def _blocks(head: bytes, file: Readable) -> Iterator[bytes]:
    while head:
        yield head
        head = file.read(BLOCK)


def _too_large() -> str:
    return (
        f"An upload has at most {settings.MAX_UPLOAD_BYTES >> 20:,} MB (WINNOW_MAX_UPLOAD_MB); pack the file, "
        "or put it where the server can fetch it"
    )


def _folder(project: int) -> str:
    """By the key of the project: its name may change, and then belong to another."""
    return f"uploads/{project}"


def _fresh_key() -> str:
    """12 digits of time (ms) and 20 of chance: its age can be told in any store."""
    return f"{int(timezone.now().timestamp() * 1000):012x}{secrets.token_hex(10)}"


def _age(key: str) -> timedelta:
    try:
        return timedelta(milliseconds=timezone.now().timestamp() * 1000 - int(key[:12], 16))
    except ValueError:  # not ours
        return timedelta(0)


def _used(project: str) -> set[str]:
    if not project.isdecimal():
        return set()
    sources = Source.objects.filter(project_id=int(project), kind=Kind.UPLOAD)
    unfinished = Run.objects.filter(project_id=int(project), config__kind=Kind.UPLOAD).exclude(
        status__in=Run.OVER
    )
    texts = [
        *sources.values_list("location", flat=True),
        *unfinished.values_list("config__location", flat=True),
    ]
    return {found[1] for text in texts if (found := UPLOAD.fullmatch(text))}
