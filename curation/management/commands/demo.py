import json
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from curation.engine.records import record_id
from curation.management.demo import Demo, Kind, build
from curation.models import Project, Version

PROJECT = "demo"

PLANTED = "The overlap was planted for this demonstration, and the rows that show it are removed."


class Command(BaseCommand):
    help = "Run the main job on demo data with planted contamination, say what was found, and serve it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--no-serve", action="store_true", help="end with the export's JSON on the last line"
        )
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0)
        demo = build(settings.HOME / "demo")
        self._import(demo)
        found = self._scan(demo)
        self._told(demo, found)
        export = self._export(demo)
        self._leave_for_review(demo)
        if options["no_serve"]:
            self.stdout.write(json.dumps(export, ensure_ascii=False))
        else:
            call_command("up", port=options["port"])

    def _run(self, *args: Any, **options: Any) -> dict[str, Any]:
        """A command as its user types it; what it answers, as JSON."""
        out = StringIO()
        call_command(*args, project=PROJECT, as_json=True, stdout=out, **options)
        answer: dict[str, Any] = json.loads(out.getvalue())
        return answer

    def _import(self, demo: Demo) -> None:
        self.stdout.write("Importing demo texts of our own writing")
        for benchmark in demo.benchmarks:
            made = self._run("benchmark", str(benchmark.path), name=benchmark.name, role=benchmark.role)
            self.stdout.write(f"  {made['version']:<24} {made['rows']:>6,} items, {benchmark.role}")
        for source in demo.sources:
            made = self._run("import", str(source.path), name=source.name, licence=source.licence)
            shape = made["mapping"]["shape"]
            self.stdout.write(
                f"  {made['version']:<24} {made['rows']:>6,} rows recognised as {shape}, {made['rejected']} rejected"
            )

    def _scan(self, demo: Demo) -> set[tuple[str, str]]:
        """Scan and apply each source; the pairs of record and item that were found."""
        self.stdout.write("Scanning each source against every benchmark, and applying what was found")
        found: set[tuple[str, str]] = set()
        for source in demo.sources:
            scan = self._scan_against_all(demo, source.name)
            applied = self._run("apply", scan["run"], allow_source=PLANTED)
            over = [line["benchmark"] for line in scan["lines"] if line["over_line"]]
            told = f"  {source.name:<24} {scan['matches']:>6,} matches in {scan['training_rows_hit']} rows"
            self.stdout.write(
                f"{told}; {applied['removed']} removed; over the 2 % line: {', '.join(over) or 'none'}"
            )
            matches = Version.objects.named(Project.objects.get(name=PROJECT), scan["version"])
            for batch in matches.batches(["record_id", "item_id"]):
                found |= set(zip(*(column.to_pylist() for column in batch.columns), strict=True))
        return found

    def _leave_for_review(self, demo: Demo) -> None:
        """A report that nobody has decided on: the first thing to do on the pages."""
        rows = sum(self._scan_against_all(demo, source.name)["training_rows_hit"] for source in demo.sources)
        self.stdout.write(f"Scanned once more: {rows} rows wait for a ruling on the pages")

    def _scan_against_all(self, demo: Demo, source: str) -> dict[str, Any]:
        return self._run("scan", source, against=[benchmark.name for benchmark in demo.benchmarks])

    def _told(self, demo: Demo, found: set[tuple[str, str]]) -> None:
        """What was planted against what was found, by kind."""
        planted = Counter(plant.kind for plant in demo.planted)
        seen = Counter(
            plant.kind
            for plant in demo.planted
            if (record_id(plant.source, plant.row), record_id(plant.benchmark, plant.item)) in found
        )
        self.stdout.write("What was planted, and what the scan found of it")
        for kind, (words, remark) in KINDS.items():
            told = f"  {words:<32} {seen[kind]:>3} of {planted[kind]:<3}"
            self.stdout.write(f"{told} {remark}".rstrip())

    def _export(self, demo: Demo) -> dict[str, Any]:
        recipe = Path(settings.HOME) / "demo" / "recipe.yaml"
        recipe.write_text(demo.recipe)
        mixed = self._run("mix", str(recipe))
        self.stdout.write(f"Mixed {mixed['rows']:,} rows into {mixed['version']}")
        export = self._run("export", mixed["mixture"], profile=["sft_messages"])
        self.stdout.write(f"Exported to {export['path']}")
        self.stdout.write(f'  load_dataset("{export["path"]}", "sft_messages", split="train")')
        return export


KINDS = {
    Kind.VERBATIM: ("word for word", ""),
    Kind.CASE: ("other case and punctuation", ""),
    Kind.DOCUMENT: ("inside a long document", ""),
    Kind.TWICE: ("quoted twice", ""),
    Kind.EXACT: ("a short item as the whole turn", ""),
    Kind.NUMBERS: ("numbers changed", ""),
    Kind.PARAPHRASE: ("paraphrased", "looked for by meaning: scan with an encoder"),
    Kind.ANSWER: ("only in the answer", "this scan reads user turns: scan assistant turns too"),
    Kind.SHORT: ("a short item inside longer text", ""),
}
