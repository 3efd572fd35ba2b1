from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from curation.engine.errors import BadInput
from curation.management.base import ProjectCommand
from curation.models import Export
from decontam.tasks import start_export_scan


class Command(ProjectCommand):
    help = "Scan the published files of an export against the benchmarks of its project."

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("mixture", help="name of the mixture")
        parser.add_argument("number", type=int, help="number of the export")

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        found = Export.objects.filter(mixture__project=self.project, mixture__name=options["mixture"])
        export = (
            found.filter(number=options["number"])
            .select_related("mixture__project", "version__dataset")
            .first()
        )
        if export is None:
            numbers = ", ".join(str(number) for number in found.values_list("number", flat=True)) or "none"
            raise BadInput(f"{options['mixture']} has no export {options['number']}; it has {numbers}.")
        run = self.see_through(start_export_scan(export, user=self.user))
        return {"run": run.pk, **run.summary}

    def told(self, answer: dict[str, Any]) -> Iterator[str]:
        yield f"{answer['export']}: {answer['rows']:,} rows in {answer['files']:,} files; check {answer['check']}"
        for line in answer["lines"]:
            yield f"  {line['version']}: {line['items_hit']:,} of {line['items']:,} items"
        for path in answer["files_hit"]:
            yield f"  found in {path}"
