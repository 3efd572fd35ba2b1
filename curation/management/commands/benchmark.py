from typing import Any

from django.core.management.base import CommandParser

from curation.management.importing import ImportingCommand
from curation.models import Source


class Command(ImportingCommand):
    help = "Register a benchmark: its items are imported like a source, and only ever compared with."
    split_role = Source.SplitRole.EVAL

    def add_own_arguments(self, parser: CommandParser) -> None:
        super().add_own_arguments(parser)
        roles = Source.BenchmarkRole.values
        parser.add_argument(
            "--role", choices=roles, default="dev", help="how it is used (default: %(default)s)"
        )

    def source_fields(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"benchmark_role": options["role"]}
