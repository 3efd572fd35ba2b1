from typing import Any

from django.core.management.base import CommandParser

from curation.management.base import ProjectCommand
from curation.models import Version
from curation.tasks.counting import start_count


class Command(ProjectCommand):
    help = "Count the tokens of a version by a tokenizer, so that mixtures may go by them."

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("dataset", help="name, or name@number")
        parser.add_argument("--tokenizer", required=True, help="a name below WINNOW_TOKENIZERS")

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        version = Version.objects.named(self.project, options["dataset"])
        run = self.see_through(start_count(version, options["tokenizer"], user=self.user))
        return {"run": run.pk, **run.summary}
