from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from curation.engine.units import Unit
from curation.management.base import ProjectCommand
from curation.models import Version
from decontam.engine.detecting import Profile
from decontam.engine.thresholds import thresholds_from
from decontam.forms.scans import SETTINGS
from decontam.tasks import ScanConfig, start_scan


class Command(ProjectCommand):
    help = "Scan a version against benchmarks; what matches becomes evidence, nothing is removed."

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("version", help="name or name@number")
        parser.add_argument(
            "--against", action="extend", nargs="+", required=True, help="one or more benchmarks"
        )
        plain = ScanConfig()
        parser.add_argument(
            "--n", type=int, default=plain.n, help="tokens in an n-gram (default: %(default)s)"
        )
        parser.add_argument(
            "--threshold",
            type=float,
            default=plain.threshold,
            help="share of an item above which it is hit (%(default)s)",
        )
        parser.add_argument(
            "--unit", choices=list(Unit), default=plain.unit, help="which turns are looked at"
        )
        parser.add_argument(
            "--profile",
            choices=list(Profile),
            default=plain.profile,
            help="plain is the rule of Tülu 3 alone",
        )
        parser.add_argument(
            "--encoder", default=plain.encoder, help="look for meaning too: minilm, or endpoint: and its name"
        )
        parser.add_argument(
            "--false-alarms",
            type=float,
            default=plain.false_alarms,
            help="share of clean rows that meaning may flag (default: %(default)s)",
        )
        parser.add_argument(
            "--threshold-for",
            action="append",
            default=[],
            metavar="BENCHMARK=SHARE",
            help="share of an item's information that a row must hold, for one benchmark",
        )

        parser.add_argument(
            "--background",
            default="",
            help="a clean version to calibrate meaning on (default: the scanned one)",
        )

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        training = Version.objects.named(self.project, options["version"])
        names = dict.fromkeys(options["against"])
        said = {name: options[name] for name in SETTINGS}
        config = ScanConfig(**said, thresholds=thresholds_from(options["threshold_for"], "="))
        benchmarks = [Version.objects.named(self.project, name) for name in names]
        named = options["background"]
        background = Version.objects.named(self.project, named) if named else None
        run = self.see_through(
            start_scan(training, benchmarks, config, background=background, user=self.user)
        )
        return {"run": run.pk, "version": str(run.output("matches")), **run.summary}

    def told(self, answer: dict[str, Any]) -> Iterator[str]:
        yield f"run {answer['run']}: {answer['matches']:,} matches in {answer['training_rows_hit']:,} rows"
        if away := sum(answer["suppressed"].values()):
            yield f"  {away:,} of them do not count: {', '.join(answer['suppressed'])}"
        for method, why in answer.get("left_out", {}).items():
            yield f"  the {method} method did not see all rows: {why}"
        for line in answer["lines"]:
            items = f"{line['items_hit']:,} of {line['items']:,} items ({line['share_of_items']:.1%})"
            rows = f"{line['rows_hit']:,} of {line['rows']:,} rows ({line['share_of_rows']:.1%})"
            over = ", over the 2 % line" if line["over_line"] else ""
            over += ": held out, so the source should go whole" if over and line["role"] == "unseen" else ""
            yield f"  {line['version']}: {items}, {rows}{over}"
            if line["weakly_checked"]:
                yield f"    {line['weakly_checked']:,} items are weakly checked: shorter than an n-gram"
        yield f"next: python manage.py rule {answer['run']} …, then python manage.py apply {answer['run']}"
