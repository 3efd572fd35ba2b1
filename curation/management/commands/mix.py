from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from curation.engine.mixing import parse, plan
from curation.management.base import ProjectCommand
from curation.questions.pools import pool
from curation.tasks.mixing import start_mix


class Command(ProjectCommand):
    opens_projects = True
    help = "Build a mixture from a recipe (YAML), or preview what it amounts to."

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("recipe", help="the recipe file")
        parser.add_argument(
            "--preview", action="store_true", help="only say how many rows each component gives"
        )

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        try:
            recipe = parse(Path(options["recipe"]).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"The recipe cannot be read: {error}") from None
        if options["preview"]:
            found = pool(self.project, recipe)
            shares = plan(found.recipe, found.stocks())
            return {"mixture": recipe.name, "shares": [asdict(share) for share in shares]}
        run = self.see_through(start_mix(self.project, recipe, user=self.user))
        return {"run": run.pk, **run.summary}

    def told(self, answer: dict[str, Any]) -> Iterator[str]:
        for share in answer["shares"]:
            capped = ", capped" if share["capped"] else ""
            yield (
                f"{share['rows']:>12,} of {share['available']:,} rows of {share['dataset']} "
                f"({share['share']:.1%}{capped})"
            )
            for part in share["strata"]:
                yield f"{part['rows']:>14,} of {part['available']:,}: {part['name'] or 'the rest'}"
        if answer.get("duplicates"):
            yield f"{answer['duplicates']:>12,} rows came twice and were kept once"
        if answer.get("left_out"):
            yield f"{answer['left_out']:>12,} rows left out as duplicates of rows kept"
        if "version" in answer:
            yield f"{answer['version']}: {answer['rows']:,} rows"
