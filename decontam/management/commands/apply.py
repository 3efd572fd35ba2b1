from argparse import BooleanOptionalAction
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from curation.management.base import ProjectCommand
from decontam.engine.actions import Action
from decontam.engine.apply import Policy as Counting
from decontam.models import Policy
from decontam.questions.scans import scan_run
from decontam.tasks import start_apply


class Command(ProjectCommand):
    help = (
        "Apply a scan and the rulings on it: publishes the clean version, the removed rows and a certificate."
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int, help="the scan")
        usual = "default: as in the policy of the project"
        parser.add_argument("--policy", choices=list(Counting), help=f"which matches count ({usual})")
        parser.add_argument("--dev", choices=list(Action), help=f"what becomes of rows ({usual})")
        parser.add_argument("--unseen", choices=list(Action), help="the same for held-out benchmarks")
        parser.add_argument(
            "--source-above", type=float, help="share of hit items above which a source goes whole"
        )
        parser.add_argument("--max-removed", type=float, help=f"retention guard ({usual})")
        parser.add_argument(
            "--meaning", action=BooleanOptionalAction, help=f"rows that only meaning found go too ({usual})"
        )
        parser.add_argument("--allow-source", default="", help="why a source that should go whole is kept")

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        scan = scan_run(self.project, options["run"])
        said = {name: options[name] for name in (*Policy.SAVED, "allow_source")}
        config = Policy.objects.config(self.project, **said)
        run = self.see_through(start_apply(scan, config, user=self.user))
        check = run.checks.get(version=run.output("clean"))
        return {"run": run.pk, **run.summary, "check": check.status, "certificate": check.detail}

    def told(self, answer: dict[str, Any]) -> Iterator[str]:
        yield f"{answer['version']}: {answer['rows']:,} rows; {answer['removed']:,} removed"
        yield f"decontamination check: {answer['check']}"
        yield f"certificate: {answer['certificate']['recheck']}"
