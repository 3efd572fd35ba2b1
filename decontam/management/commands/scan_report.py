from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from curation.management.base import ProjectCommand
from decontam.questions.reports import FORMATS, decon_report
from decontam.questions.scans import scan_run


class Command(ProjectCommand):
    help = "Print what a scan found, one JSON object a line, for tools that read decon's reports."

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int, help="the scan")
        parser.add_argument("--format", choices=FORMATS, default=FORMATS[0])
        parser.add_argument(
            "--all", action="store_true", help="also what is suppressed or ruled a false alarm"
        )

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        lines = decon_report(scan_run(self.project, options["run"]), everything=options["all"])
        told = (line.decode().rstrip("\n") for line in lines)
        return {"run": options["run"], "lines": list(told) if options["as_json"] else told}

    def told(self, answer: dict[str, Any]) -> Iterator[str]:
        yield from answer["lines"]
