from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from curation.housekeeping import litter, sweep
from curation.locations import stray_uploads


class Command(BaseCommand):
    help = "Remove folders of the store that no version, export or source stands for, a day after their run or upload."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")
        parser.add_argument("--hours", type=float, default=24, help="how long ago a run must have ended")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["dry_run"]:
            folders = [folder for _, found in litter(options["hours"]) for folder in found]
            folders += stray_uploads(options["hours"])
        else:
            folders = sweep(options["hours"])
        for folder in folders:
            self.stdout.write(folder)
        self.stdout.write(f"{len(folders):,} folders {'would go' if options['dry_run'] else 'removed'}.")
