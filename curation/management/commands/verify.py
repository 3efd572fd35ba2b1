import json
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from curation.engine.cards import manifest_hash
from curation.engine.errors import BadInput
from curation.engine.store import Shard
from curation.management.base import ProjectCommand
from curation.models import Export, Version, store


class Command(ProjectCommand):
    help = "Re-hash every file of every version and export, and say which are not what their manifest says."

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("version", nargs="?", help="one version (default: all of the project)")

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["version"]:
            versions, exports = [Version.objects.named(self.project, options["version"])], []
        else:
            mine = Version.objects.live().filter(dataset__project=self.project)
            versions = list(mine.select_related("dataset"))
            exports = list(Export.objects.published().filter(mixture__project=self.project))
        wrong = [f"{version}: {sentence}" for version in versions for sentence in _wrong_version(version)]
        wrong += [f"{export}: {sentence}" for export in exports for sentence in _wrong_export(export)]
        if wrong:
            raise CommandError("\n".join([f"Faults in the store: {len(wrong)}", *wrong]))
        return {"versions": len(versions), "exports": len(exports), "faults": 0}

    def told(self, answer: dict[str, Any]) -> Iterator[str]:
        yield f"{answer['versions']:,} versions and {answer['exports']:,} exports are what their manifests say."


def _wrong_version(version: Version) -> Iterator[str]:
    try:
        manifest = version.manifest()
    except (BadInput, ValueError, KeyError, TypeError) as error:
        yield f"its manifest cannot be read ({type(error).__name__}: {error})"
        return
    if manifest.content_hash != version.content_hash:
        yield "its manifest has another hash than the database"
    yield from (sentence for shard in manifest.shards if (sentence := store().damaged(shard)))


def _wrong_export(export: Export) -> Iterator[str]:
    try:
        with store().open(f"{export.folder}/manifest.json") as file:
            written = file.read()
    except BadInput as error:
        yield str(error)
        return
    if manifest_hash(written) != export.manifest_hash:
        yield "its manifest is not the one that was published"
        return
    for one in json.loads(written)["files"]:
        shard = Shard(f"{export.folder}/{one['path']}", one["rows"], one["bytes"], one["sha256"])
        if sentence := store().damaged(shard):
            yield sentence
