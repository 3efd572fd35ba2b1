"""
From a location to files at hand, for whoever imports or looks: registered, listed, fetched, and read within limits.

A file that is fetched or was uploaded lies in the store, where the workers of all machines find it; `path` of such a
file is its path there until `at_hand` turns it into one that can be opened.
"""

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpcore2
from django.conf import settings
from huggingface_hub import HfApi

from curation.engine.errors import BadInput
from curation.engine.importing import digest_of
from curation.engine.mapping import Mapping, propose
from curation.engine.names import check_name
from curation.engine.readers import Options, SourceFile, described, find, hub
from curation.engine.readers.addresses import system_resolver
from curation.engine.readers.fetching import Fetched, Limits, Network, fetch_url
from curation.engine.readers.hub import HubSource
from curation.engine.readers.places import Place, guard, under_roots
from curation.engine.store import Store
from curation.locations import Location, upload_name, upload_path
from curation.models import Dataset, Kind, Part, Project, Run, Source
from curation.models.source import check_licence

LOOKED_INTO = 256 << 20  # bytes of a file from outside that a sample may unpack
LOOKED_AT = 32 << 20  # bytes of one row in it: as many as a sample keeps
NETWORK = Network(system_resolver, httpcore2.SyncBackend(), time.monotonic)


@dataclass(frozen=True, slots=True)
class Found:
    """
    What lies at a location. `names` and `size` are of all of it, `files` what was asked for; `seen` pins what it is
    as far as that is known before reading: commit, sha256 of what was fetched, else names and sizes.
    """

    files: list[SourceFile]
    seen: str
    names: list[str]
    size: int
    ignored: tuple[str, ...] = ()
    revision: str = ""
    licence: str = ""


Choose = Callable[[Sequence[str]], Sequence[str]]


def register(
    project: Project, name: str, location: Location, split_role: str, *, licence: str, by: Any, **fields: Any
) -> Source:
    """The source, new or taken up again, once it is sure that its dataset can have its name. In a transaction."""
    check_name(name)
    check_licence(licence)
    fields |= {"kind": location.kind, "location": location.text, "split_role": split_role}
    fields |= {"licence": licence} if licence else {}
    source = Source.objects.register(project, name, by=by, **fields)
    made = Kind.BENCHMARK if split_role == Source.SplitRole.EVAL else Kind.RECORDS
    Dataset.objects.require_free(project, name, made, source=name)
    return source


def discover(part: Part, place: Place, choose: Choose = list) -> Found:
    """The files of a place. Of a Hub repository only those are fetched whose names `choose` leaves."""
    if place.kind == Source.Location.HUB:
        return _of_hub(part, place, choose)
    if place.kind == Source.Location.URL:
        return _of_url(part, place)
    if place.kind == Source.Location.UPLOAD:
        return _of_upload(part, place)
    return _of_disk(place)


def at_hand(part: Part, place: Place, files: Sequence[SourceFile], revision: str = "") -> list[SourceFile]:
    """The files, where this worker can open them; one on another machine than the first fetches its own."""
    if place.kind in (Source.Location.URL, Source.Location.UPLOAD):
        return [replace(file, path=_local(part, file.path)) for file in files]
    if place.kind == Source.Location.HUB and not all(Path(file.path).exists() for file in files):
        api = HfApi()
        repository = hub.resolve(place.location, revision, api)
        fetched = hub.fetch(repository, api, names={file.name for file in files}, cache=_hub_cache())
        return sorted(fetched, key=lambda file: file.name)
    for file in files if place.outside and place.kind == Source.Location.FILES else ():
        guard(settings.IMPORT_ROOTS)(file.path)
    return list(files)


def within_limits(place: Place, options: Options) -> Options:
    """How files are read: from outside, neither a file nor a row may unpack to more than is allowed."""
    if not place.outside:
        return options
    most, longest = min(options.max_bytes, settings.MAX_UNPACKED_BYTES), Options().max_line_bytes
    return replace(options, max_bytes=most, max_line_bytes=min(options.max_line_bytes, longest))


def sampling(place: Place, options: Options) -> Options:
    """The same for a sample: its first rows are not worth unpacking a bomb, nor minutes of looking for a row's end."""
    capped = within_limits(place, options)
    if not place.outside:
        return capped
    most, longest = min(capped.max_bytes, LOOKED_INTO), min(capped.max_line_bytes, LOOKED_AT)
    return replace(capped, max_bytes=most, max_line_bytes=longest)


def proposed(place: Place, files: Sequence[SourceFile], options: Options | None = None) -> Mapping:
    """The mapping that a sample needs; it is saved without the limits of this installation."""
    options = options or Options()
    mapping = propose(files, sampling(place, options))
    read = replace(mapping.options, max_bytes=options.max_bytes, max_line_bytes=options.max_line_bytes)
    return replace(mapping, options=read)


def _of_disk(place: Place) -> Found:
    if place.outside:
        under_roots(place.location, settings.IMPORT_ROOTS)
        found = find(place.location, guard(settings.IMPORT_ROOTS))
    else:
        found = find(place.location)
    return _all_of(list(found.files), ignored=found.ignored)


def _of_hub(part: Part, place: Place, choose: Choose) -> Found:
    api = HfApi()
    repository = hub.resolve(place.location, place.revision or None, api)
    names = [file.name for file in repository.files]
    files = hub.fetch(repository, api, names=choose(names), cache=_hub_cache(), progress=part.progress)
    return Found(
        files,
        digest_of([[repository.commit]]),
        names,
        _size(repository) or sum(file.size for file in files),
        repository.ignored,
        repository.commit,
        repository.licence or "",
    )


def _size(repository: HubSource) -> int:
    return sum(file.size or 0 for file in repository.files)


def _of_url(part: Part, place: Place) -> Found:
    path = part.path("tmp/fetched", suffix="part")
    fetched = _fetched(part, place.location, path)
    file = replace(described(_local(part, path), fetched.name), path=path)
    return _all_of([file], hashes=[fetched.sha256])


def _fetched(part: Part, url: str, path: str) -> Fetched:
    limits = Limits(settings.MAX_DOWNLOAD_BYTES, private=settings.ALLOW_PRIVATE_ADDRESSES)
    target = part.store.create(path)
    try:
        return fetch_url(url, target, limits, NETWORK, progress=part.progress)
    except BaseException:
        target.close()
        part.store.remove(path)
        raise
    finally:
        target.close()


def _of_upload(part: Part, place: Place) -> Found:
    path = upload_path(part.run.project_id, place.location)
    if not part.store.fs.exists(part.store.full(path)):
        raise BadInput("This upload is gone; upload the file again")
    return _all_of([replace(described(_local(part, path), upload_name(place.location)), path=path)])


def _all_of(files: list[SourceFile], ignored: tuple[str, ...] = (), hashes: Sequence[str] = ()) -> Found:
    told = [[file.name, file.size] for file in files]
    names, size = [file.name for file in files], sum(file.size for file in files)
    return Found(files, digest_of([*told, list(hashes)]), names, size, ignored)


def _hub_cache() -> Path:
    return Path(settings.HOME) / "hub"


def _local(part: Part, path: str) -> str:
    """Where a file of the store can be opened: there, or as a copy for as long as its run lasts."""
    store: Store = part.store
    if store.local:
        return store.full(path)
    copies = Path(settings.HOME) / "downloads"
    copy = copies / str(part.run_id) / path.replace("/", "_")
    if not copy.exists():
        _tidy(copies)
        copy.parent.mkdir(parents=True, exist_ok=True)
        whole = copy.with_suffix(f".{part.pk}-{part.attempt}-{os.getpid()}")
        _copied(part, path, whole)
        whole.replace(copy)
    return str(copy)


def _copied(part: Part, path: str, target: Path) -> None:
    with part.store.open(path) as source, target.open("wb") as file:
        while block := source.read(1 << 20):
            file.write(block)
            part.progress(file.tell(), file.tell())


def _tidy(copies: Path) -> None:
    """Copies for runs that are over go when the next one is made."""
    kept = {path.name: path for path in copies.iterdir() if path.name.isdecimal()} if copies.is_dir() else {}
    for pk in Run.objects.filter(pk__in=kept, status__in=Run.OVER).values_list("pk", flat=True):
        shutil.rmtree(kept[str(pk)], ignore_errors=True)
