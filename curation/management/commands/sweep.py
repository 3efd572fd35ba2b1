from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from curation.housekeeping import litter, sweep


class Command(BaseCommand):
    help = "Remove folders of the store that no version or export stands for, of runs that ended a day ago."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")
        parser.add_argument("--hours", type=float, default=24, help="how long ago a run must have ended")

    def handle(self, *args: Any, **options: Any) -> None:
        folders = list(litter(options["hours"]))
        if not options["dry_run"]:
            sweep(folders)
        for line in self._told(folders, options["dry_run"]):
            self.stdout.write(line)

    def _told(self, folders: list[str], dry: bool) -> Iterator[str]:
        yield from folders
        yield f"{len(folders):,} folders {'would go' if dry else 'removed'}."
