"""What `import` and `benchmark` share."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from curation.engine.importing import MAX_REJECTED
from curation.management.base import ProjectCommand
from curation.models import Source
from curation.tasks.importing import start_import


class ImportingCommand(ProjectCommand):
    opens_projects = True
    split_role: Source.SplitRole

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("location", help="a file, folder, glob or Hub id (owner/name)")
        parser.add_argument("--name", required=True, help="name of the source and of its dataset")
        parser.add_argument("--revision", default="", help="Hub revision (default: the newest commit)")
        parser.add_argument(
            "--licence", default="", help="licence of the rows, as an SPDX id where there is one"
        )
        parser.add_argument(
            "--mapping", help="a mapping as JSON, or @file (default: the saved one, or what is seen)"
        )
        parser.add_argument(
            "--recognise", action="store_true", help="look at the rows anew, not at the saved mapping"
        )

        parser.add_argument(
            "--max-rejected",
            type=float,
            default=MAX_REJECTED,
            help="share of rows that may be rejected (%(default)s)",
        )

    def source_fields(self, options: dict[str, Any]) -> dict[str, Any]:
        """What else the source is told."""
        return {}

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        run = self.see_through(
            start_import(
                self.project,
                options["name"],
                location=options["location"],
                split_role=self.split_role,
                revision=options["revision"],
                licence=options["licence"],
                mapping=_mapping(options["mapping"]),
                recognise=options["recognise"],
                max_rejected=options["max_rejected"],
                confirmed=options.get("confirm_eval_split", False),
                user=self.user,
                **self.source_fields(options),
            )
        )
        return {"run": run.pk, **run.summary}

    def told(self, answer: dict[str, Any]) -> Iterator[str]:
        yield f"{answer['version']}: {answer['rows']:,} rows from {answer['files']:,} files"
        yield f"mapping: {json.dumps(answer['mapping'])}"
        if answer["rejected"]:
            yield f"{answer['rejected']:,} rows were rejected (see {answer['rejects']}):"
            for reason, count in answer["reasons"].items():
                yield f"  {count:>9,}  {reason}"


def _mapping(text: str | None) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        data = json.loads(Path(text[1:]).read_text() if text.startswith("@") else text)
    except OSError as error:
        raise CommandError(f"The mapping cannot be read: {error}") from None
    except json.JSONDecodeError as error:
        raise CommandError(f"The mapping is not valid JSON: {error}") from None
    if not isinstance(data, dict):
        raise CommandError("The mapping must be a JSON object.")
    return data
