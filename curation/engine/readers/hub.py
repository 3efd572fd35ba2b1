"""
Datasets on the Hugging Face Hub as sources: data files only, pinned to a commit.

Nothing of a repository is run: its files are listed here, those that hold rows are downloaded one by one, and
loading scripts stay where they are. The client is passed in, so that endpoint and token are the caller's.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import httpx2
from huggingface_hub import DatasetInfo, HfApi
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from curation.engine.errors import BadInput
from curation.engine.progress import Progress, ignore
from curation.engine.readers.files import described, kind_of
from curation.engine.readers.items import SourceFile

SENTENCES: dict[type[Exception], str] = {  # subclasses first
    HFValidationError: '"{repo}" is no name of a repository; it should look like "owner/name"',
    GatedRepoError: "{repo} is gated: accept its terms on the Hub and give this installation a token",
    RepositoryNotFoundError: "There is no dataset {repo} on the Hub, or it is private",
    RevisionNotFoundError: "{repo} has no revision {revision}",
    OfflineModeIsEnabled: "This installation works offline, and {repo} has not been downloaded before",
    LocalEntryNotFoundError: "The Hub cannot be reached, and {repo} has not been downloaded before",
    EntryNotFoundError: "{repo} has lost a file at revision {revision}",
    httpx2.TransportError: "The Hub cannot be reached for {repo}: {error}",
}
CAUGHT: tuple[type[Exception], ...] = (*SENTENCES, HfHubHTTPError)


@dataclass(frozen=True, slots=True)
class HubFile:
    """A data file of a repository; `size` in bytes, None where the Hub does not tell."""

    name: str
    size: int | None


@dataclass(frozen=True, slots=True)
class HubSource:
    """A dataset at one commit (40 hex digits): its data files in order of their names, and its licence."""

    repo_id: str
    commit: str
    licence: str | None
    files: tuple[HubFile, ...]
    ignored: tuple[str, ...] = ()


def resolve(repo_id: str, revision: str | None, api: HfApi) -> HubSource:
    """
    What `revision` of a dataset is now (a branch, a tag or a commit; None: the default branch).

    Raises BadInput for an unknown, gated or empty repository, and when the Hub cannot be reached.
    """
    with _explained(repo_id, revision):
        info = api.dataset_info(repo_id, revision=revision, files_metadata=True)
    files = sorted((s.rfilename, s.size) for s in info.siblings or [])
    known = tuple(HubFile(name, size) for name, size in files if kind_of(name) and _is_inside(name))
    ignored = tuple(name for name, _ in files if not kind_of(name) and not name.startswith("."))
    if not known or not info.sha:
        raise BadInput(f"{repo_id} has no data files (Parquet, JSON, CSV): loading scripts are never run")
    return HubSource(repo_id, info.sha, _licence(info), known, ignored)


def fetch(
    source: HubSource,
    api: HfApi,
    *,
    names: Collection[str] | None = None,
    cache: Path | None = None,
    progress: Progress = ignore,
) -> list[SourceFile]:
    """
    Download the data files of a source (or only `names`) at its commit, through the cache of the Hub client.

    `progress` is told of files. Raises BadInput when a file is gone, gated or out of reach.
    """
    wanted = [file.name for file in source.files if names is None or file.name in names]
    fetched = []
    for done, name in enumerate(wanted):
        progress(done, len(wanted))
        with _explained(source.repo_id, source.commit):
            path = api.hf_hub_download(
                source.repo_id, name, repo_type="dataset", revision=source.commit, cache_dir=cache
            )
        fetched.append(described(str(path), name))
    progress(len(wanted), len(wanted))
    return fetched


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _licence(info: DatasetInfo) -> str | None:
    return (
        ", ".join(tag.removeprefix("license:") for tag in info.tags or [] if tag.startswith("license:"))
        or None
    )


@contextmanager
def _explained(repo_id: str, revision: str | None) -> Iterator[None]:
    """Errors of the Hub as sentences. Its own failures (5xx) pass through: they may be tried again."""
    try:
        yield
    except CAUGHT as error:
        sentence = next((text for kind, text in SENTENCES.items() if isinstance(error, kind)), None)
        if sentence is None and isinstance(error, HfHubHTTPError) and error.response.status_code >= 500:
            raise
        sentence = sentence or "The Hub refused to serve {repo}: {error}"
        raise BadInput(sentence.format(repo=repo_id, revision=revision, error=error)) from error
