from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from curation.engine.exporters import FORMATS, PROFILES
from curation.engine.exporting import TOOL_ARGUMENTS, ExportConfig
from curation.management.base import ProjectCommand
from curation.models import store
from curation.tasks.exporting import start_export


class Command(ProjectCommand):
    help = "Export a mixture as files that trainers load, with card, manifest, checksums and provenance."

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("mixture", help="name or name@number")
        parser.add_argument("--profile", action="append", choices=list(PROFILES), help="may be repeated")
        parser.add_argument(
            "--format", action="append", choices=FORMATS, help="may be repeated (default: parquet)"
        )
        parser.add_argument(
            "--tool-arguments",
            choices=TOOL_ARGUMENTS,
            default="string",
            help="what JSON lines hold of tools and calls: JSON text (default) or objects",
        )
        parser.add_argument("--override", default="", help="reason for exporting without a passing check")

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        config = ExportConfig(
            profiles=options["profile"] or ["sft_messages"],
            formats=options["format"] or ["parquet"],
            override=options["override"],
            tool_arguments=options["tool_arguments"],
        )
        run = self.see_through(start_export(self.project, options["mixture"], config, user=self.user))
        made, place = run.summary, store().full(run.summary["folder"])
        return {
            "run": run.pk,
            "export": made["export"],
            "version": made["version"],
            "path": place,
            "manifest_hash": made["manifest_hash"],
            "skips": made["skips"],
            "warnings": made["warnings"],
            "files": [
                {"path": f"{place}/{file['path']}", "sha256": file["sha256"], "rows": file["rows"]}
                for file in made["files"]
            ],
        }

    def told(self, answer: dict[str, Any]) -> Iterator[str]:
        yield f"{answer['export']} of {answer['version']} is in {answer['path']}"
        for file in answer["files"]:
            yield f"  {file['rows']:>10,} rows  {file['sha256'][:16]}  {file['path']}"
        for profile, reasons in answer["skips"].items():
            for reason, count in reasons.items():
                yield f"  {count:>10,} rows skipped in {profile}: {reason}"
        for profile, found in answer["warnings"].items():
            for warning, count in found.items():
                yield f"  {count:>10,} rows to look at in {profile}: {warning}"
