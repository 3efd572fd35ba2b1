from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from curation.management.base import ProjectCommand
from curation.questions.stories import story


class Command(ProjectCommand):
    help = "Say why a row is here, or gone: from its source through scans and mixtures to exports."

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("dataset")
        parser.add_argument("record_id")

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        steps = story(self.project, options["dataset"], options["record_id"])
        return {"record_id": options["record_id"], "steps": [asdict(step) for step in steps]}

    def told(self, answer: dict[str, Any]) -> Iterator[str]:
        for step in answer["steps"]:
            yield f"run {step['run']:>4}  {step['version']:<24} {step['what']}"
