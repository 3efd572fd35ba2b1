from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from curation.management.base import ProjectCommand
from decontam.engine.apply import ApplyConfig, Policy
from decontam.questions.scans import scan_run
from decontam.tasks import start_apply


class Command(ProjectCommand):
    help = (
        "Apply a scan and the rulings on it: publishes the clean version, the removed rows and a certificate."
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int, help="the scan")
        parser.add_argument("--policy", choices=list(Policy), default=ApplyConfig().policy)
        parser.add_argument(
            "--max-removed",
            type=float,
            default=ApplyConfig().max_removed,
            help="retention guard (default: %(default)s)",
        )

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        scan = scan_run(self.project, options["run"])
        config = ApplyConfig(options["policy"], options["max_removed"])
        run = self.see_through(start_apply(scan, config, user=self.user))
        check = run.checks.get()
        return {"run": run.pk, **run.summary, "check": check.status, "certificate": check.detail}

    def told(self, answer: dict[str, Any]) -> Iterator[str]:
        yield f"{answer['version']}: {answer['rows']:,} rows; {answer['removed']:,} removed"
        yield f"decontamination check: {answer['check']}"
        yield f"certificate: {answer['certificate']['recheck']}"
