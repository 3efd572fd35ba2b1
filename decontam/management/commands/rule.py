from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from curation.management.base import ProjectCommand
from curation.models import Run
from decontam.models import Ruling
from decontam.questions.reviews import ANY, Filter, many, several
from decontam.questions.scans import causes, scan_run
from decontam.tasks import rule_all


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
        verdict = options["verdict"].replace("-", " ")
        answer = {"run": scan.pk, "verdict": verdict}
        wanted = Filter(benchmark=options["benchmark"], cause=options["cause"])
        if seqs := options["seq"]:
            if wanted != ANY:
                raise CommandError("Say which matches either by --seq, or by --cause and --benchmark.")
            matches = several(scan, sorted(set(seqs)))
            ruled = Ruling.objects.rule(scan, matches, verdict, by=self.user, reason=options["reason"])
            return answer | {"ruled": ruled, "matches": len(matches)}
        if wanted == ANY:
            raise CommandError("Say which matches: --seq, --cause or --benchmark.")
        done = rule_all(scan, wanted, verdict, by=self.user, reason=options["reason"])
        number = self.see_through(done).summary["ruled"] if isinstance(done, Run) else done
        return answer | {"ruled": number, "matches": many(scan, wanted)}

    def told(self, answer: dict[str, Any]) -> Iterator[str]:
        for cause in answer.get("causes", ()):
            yield (
                f"{cause['cause']}  {cause['matches']:>7,} matches  {cause['benchmark']:<20} "
                f"score {cause['lowest']:.2f} to {cause['highest']:.2f}  {cause['phrase'][:80]}"
            )
        if "ruled" in answer:
            yield f"{answer['ruled']:,} pairs ruled {answer['verdict']}"
