from typing import Any

from django.core.management.base import CommandParser

from curation.models import Version
from decontam.management.commands.scan import Command as Scan
from decontam.questions.scans import scan_run
from decontam.tasks import start_rescan


class Command(Scan):
    help = "Scan the rows of an earlier scan against newer benchmarks; only items that are new are matched."

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int, help="the earlier scan")
        parser.add_argument(
            "--against", nargs="+", default=[], help="benchmarks (default: the newest of the earlier scan's)"
        )

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        scan = scan_run(self.project, options["run"])
        benchmarks = [Version.objects.named(self.project, name) for name in dict.fromkeys(options["against"])]
        run = self.see_through(start_rescan(scan, benchmarks, user=self.user))
        return {"run": run.pk, "version": str(run.output("matches")), **run.summary}
