from typing import Any

from django.core.management.base import CommandError, CommandParser

from curation.housekeeping import purge
from curation.management.base import ProjectCommand
from curation.models import Version


class Command(ProjectCommand):
    help = "Delete the files of a version for good; the row stays as a tombstone, exports made of it are withdrawn."

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("version", help="name@number")
        parser.add_argument("--reason", required=True, help="why; kept with the tombstone")

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        if "@" not in options["version"] or not options["reason"].strip():
            raise CommandError("Say which version (name@number) and why: it cannot be undone.")
        version = Version.objects.named(self.project, options["version"])
        withdrawn = purge(version, options["reason"], by=self.user)
        return {"purged": str(version), "withdrawn": [str(export) for export in withdrawn]}
