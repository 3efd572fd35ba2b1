from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from curation.management.base import ProjectCommand
from decontam.models import Ruling
from decontam.scans import causes, matches, scan_run


class Command(ProjectCommand):
    help = "Rule on matches of a scan: by number, by cause, or list the causes when neither is given."

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int, help="the scan")
        parser.add_argument("--seq", type=int, action="append", help="number of a match; may be repeated")
        parser.add_argument("--cause", default="", help="all matches of this cause")
        parser.add_argument("--benchmark", default="", help="only matches with this benchmark")
        parser.add_argument("--verdict", choices=["contaminated", "false-alarm"])
        parser.add_argument("--reason", default="", help="kept with the ruling")

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        scan = scan_run(self.project, options["run"])
        if not options["verdict"]:
            return {"run": scan.pk, "causes": causes(scan, options["benchmark"])}
        seqs = set(options["seq"]) if options["seq"] else None
        if not (seqs or options["cause"] or options["benchmark"]):
            raise CommandError("Say which matches: --seq, --cause or --benchmark.")
        chosen = list(matches(scan, seqs=seqs, cause=options["cause"], benchmark=options["benchmark"]))
        if not chosen:
            raise CommandError(f"Scan {scan.pk} has no such matches.")
        verdict = options["verdict"].replace("-", " ")
        ruled = Ruling.objects.rule(scan, chosen, verdict, by=self.user, reason=options["reason"])
        return {"run": scan.pk, "ruled": ruled, "matches": len(chosen), "verdict": verdict}

    def told(self, answer: dict[str, Any]) -> Iterator[str]:
        for cause in answer.get("causes", ()):
            yield (
                f"{cause['cause']}  {cause['matches']:>7,} matches  {cause['benchmark']:<20} "
                f"score {cause['lowest']:.2f} to {cause['highest']:.2f}  {cause['phrase'][:80]}"
            )
        if "ruled" in answer:
            yield f"{answer['ruled']:,} pairs ruled {answer['verdict']}"
