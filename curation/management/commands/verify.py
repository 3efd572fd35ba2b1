from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from curation.management.base import ProjectCommand
from curation.models import Version, store


class Command(ProjectCommand):
    help = "Re-hash every shard of every version, and say which are not what their manifest says."

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("version", nargs="?", help="one version (default: all of the project)")

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["version"]:
            versions = [Version.objects.named(self.project, options["version"])]
        else:
            versions = list(
                Version.objects.live().filter(dataset__project=self.project).select_related("dataset")
            )
        wrong = [f"{version}: {sentence}" for version in versions for sentence in _wrong(version)]
        if wrong:
            raise CommandError("\n".join([f"{len(wrong)} faults in the store:", *wrong]))
        return {"versions": len(versions), "faults": 0}

    def told(self, answer: dict[str, Any]) -> Iterator[str]:
        yield f"{answer['versions']:,} versions are what their manifests say."


def _wrong(version: Version) -> Iterator[str]:
    manifest = version.manifest()
    if manifest.content_hash != version.content_hash:
        yield "the manifest has another hash than the database"
    yield from (sentence for shard in manifest.shards if (sentence := store().damaged(shard)))
