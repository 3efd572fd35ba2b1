from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from curation.management.base import ProjectCommand
from decontam.questions.taint import offspring, removed_version


class Command(ProjectCommand):
    help = "List the rows of all versions that were made from removed rows."

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("removed", help="a version of removed rows: name@number")

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        name, _, number = options["removed"].partition("@")
        removed = removed_version(self.project, name, int(number) if number.isdecimal() else 1)
        found = {str(one.version): dict(sorted(one.rows.items())) for one in offspring(removed)}
        return {"removed": str(removed), "tainted": found}

    def told(self, answer: dict[str, Any]) -> Iterator[str]:
        for version, rows in answer["tainted"].items():
            yield f"{version}: {len(rows):,} rows were made from rows in {answer['removed']}"
            for record_id, parent in rows.items():
                yield f"  {record_id} from {parent}"
        if not answer["tainted"]:
            yield f"Nothing was made from rows in {answer['removed']}."
