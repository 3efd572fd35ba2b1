from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from curation.management.base import ProjectCommand
from curation.models import Run
from curation.questions.refreshing import newest_flow
from curation.tasks.refreshing import carry_out_refresh, start_refresh


class Command(ProjectCommand):
    help = "Run the whole flow of a mixture again on the newest rows of its sources, up to its export."

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("mixture", help="name of the mixture")
        parser.add_argument("--plan", action="store_true", help="only say which runs would be repeated")

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["plan"]:
            version, steps = newest_flow(self.project, options["mixture"])
            runs = [f"{step.run.kind} of {step.run.subject} (run {step.run.pk})" for step in steps]
            return {"of": str(version), "steps": runs}
        run = carry_out_refresh(start_refresh(self.project, options["mixture"], user=self.user))
        if run.status != Run.Status.DONE:
            raise CommandError(f"{run} {run.status}: {run.error or 'stopped before it finished'}")
        return {"run": run.pk, **run.summary}

    def told(self, answer: dict[str, Any]) -> Iterator[str]:
        yield from answer.get("steps", ())
        if "version" in answer:
            runs = (
                "nothing was newer" if not answer["repeated"] else f"{answer['repeated']} runs were repeated"
            )
            yield f"{answer['version']} in the place of {answer['refreshed']}: {runs}"
