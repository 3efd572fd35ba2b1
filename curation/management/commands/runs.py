from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from curation import jobs
from curation.management.base import ProjectCommand
from curation.models import Run


class Command(ProjectCommand):
    help = "List runs, or cancel, pause or resume one."

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int, nargs="?")
        for verb in jobs.VERBS:
            parser.add_argument(f"--{verb}", action="store_true")

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        runs = Run.objects.filter(project=self.project).order_by("-pk")
        if options["run"] is None and any(options[verb] for verb in jobs.VERBS):
            raise CommandError("Say which run.")
        if options["run"] is None:
            return {"runs": [_facts(run) for run in runs[:50]]}
        if (run := runs.filter(pk=options["run"]).first()) is None:
            raise CommandError(f"There is no run {options['run']} in project {self.project}.")
        for verb in jobs.VERBS:
            if options[verb] and not (verb == "resume" and run.status in Run.ACTIVE):
                jobs.turn(run, verb, by=self.user)
        if options["resume"]:
            run = self.see_through(run)
        run.refresh_from_db()
        return {"runs": [_facts(run)]}

    def told(self, answer: dict[str, Any]) -> Iterator[str]:
        for run in answer["runs"]:
            what = f"{run['kind']} {run['subject']}"
            yield f"{run['run']:>6}  {run['status']:<10} {what:<32} {run['stage']:<10} {run['error']}"


def _facts(run: Run) -> dict[str, Any]:
    return {
        "run": run.pk,
        "kind": run.kind,
        "subject": run.subject,
        "status": run.status,
        "stage": run.stage_name,
        "error": run.error,
        "summary": run.summary,
        **run.progress(),
    }
