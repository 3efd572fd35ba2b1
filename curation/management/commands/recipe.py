from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from curation.catalogue import Line, Published, recipe, recipes
from curation.engine.mixing import dump
from curation.management.base import ProjectCommand
from curation.questions.recipes import Drafted, drafted


class Command(ProjectCommand):
    help = "List published recipes, show one, or draft a mixture of what the project has of it."

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("verb", choices=("list", "show", "draft"))
        parser.add_argument("name", nargs="?", help="name of the recipe, as in the list")

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["verb"] == "list":
            return {"recipes": [_short(one) for one in recipes()]}
        found = recipe(options["name"] or "")
        if found is None:
            names = ", ".join(one.name for one in recipes())
            raise CommandError(f"There is no published recipe {options['name'] or ''}; there are {names}.")
        if options["verb"] == "show":
            return {"shown": asdict(found), "licence": found.verdict.why}
        return _draft(drafted(self.project, found), self.project.name)

    def told(self, answer: dict[str, Any]) -> Iterator[str]:
        if "recipes" in answer:
            for one in answer["recipes"]:
                yield f"{one['name']:<18} {one['rows'] or 0:>10,} rows  {one['lines']:>3} sources  {one['title']}"
        elif "shown" in answer:
            yield from _shown(answer["shown"], answer["licence"])
        else:
            yield from _drafted(answer)


def _short(one: Published) -> dict[str, Any]:
    return {"name": one.name, "title": one.title, "rows": one.rows, "lines": len(one.lines)}


def _shown(one: dict[str, Any], licence: str) -> Iterator[str]:
    yield f"{one['title']}. {one['about']}"
    for line in one["lines"]:
        rows = f"{line['rows']:,}" if line["rows"] is not None else "not said"
        yield f"{rows:>10}  {line['licence'] or 'unknown':<14} {line['title']}  {line['hub']}"
    yield f"The lines add up to {licence}."
    yield from (f"Open: {said}" for said in one["open"])


def _draft(draft: Drafted, project: str) -> dict[str, Any]:
    return {
        "recipe": dump(draft.recipe) if draft.recipe else None,
        "found": [
            {"line": one.line.title, "version": str(one.version), "rows": one.rows, "short": one.short}
            for one in draft.found
        ],
        "missing": [
            {"line": one.title, "licence": one.licence, "how": _how(one, project)} for one in draft.missing
        ],
    }


def _how(line: Line, project: str) -> str:
    """The command that brings it here, where it is known to be on the Hub."""
    if not line.hub:
        return "not known to be on the Hub; register its file"
    licence = f" --licence {line.licence}" if line.licence else ""
    return f"python manage.py import {line.hub} --name {line.name}{licence} --project {project}"


def _drafted(answer: dict[str, Any]) -> Iterator[str]:
    for one in answer["found"]:
        short = f", {one['short']:,} fewer than published" if one["short"] else ""
        yield f"here     {one['line']}: {one['rows']:,} rows of {one['version']}{short}"
    for one in answer["missing"]:
        yield f"missing  {one['line']} ({one['licence'] or 'licence unknown, ask'}): {one['how']}"
    yield answer["recipe"] or "Nothing of it is here yet; there is no recipe to draft."
