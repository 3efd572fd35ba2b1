from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from curation.management.base import ProjectCommand
from decontam.engine.report import METHODS
from decontam.questions.reviews import Filter
from decontam.questions.scans import scan_run
from decontam.tasks.judging import VerdictConfig, start_verdicts

USUAL = VerdictConfig("judge")


class Command(ProjectCommand):
    help = (
        "Ask a model about the open matches of a scan; what it says stands beside them and rules on nothing."
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int, help="the scan")
        parser.add_argument("--endpoint", required=True, help="name of one that may see benchmark text")
        parser.add_argument("--benchmark", default="", help="only matches with this benchmark")
        parser.add_argument("--method", choices=METHODS, default="", help="only matches of this method")
        parser.add_argument("--ruled", action="store_true", help="those that people ruled on as well")
        parser.add_argument("--limit", type=int, default=USUAL.limit, help="at most so many (%(default)s)")
        parser.add_argument("--both-orders", action="store_true", help="ask twice, the texts turned round")
        parser.add_argument(
            "--max-tokens", type=int, default=USUAL.max_tokens, help="of a reply (%(default)s)"
        )

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        scan = scan_run(self.project, options["run"])
        wanted = Filter(
            benchmark=options["benchmark"], method=options["method"], open_only=not options["ruled"]
        )
        config = VerdictConfig(
            options["endpoint"],
            asdict(wanted),
            options["limit"],
            options["both_orders"],
            options["max_tokens"],
        )
        run = self.see_through(start_verdicts(scan, config, user=self.user))
        return {"run": run.pk, **run.summary}

    def told(self, answer: dict[str, Any]) -> Iterator[str]:
        yield f"run {answer['run']}: {answer['model']} on {answer['matches']:,} matches, in {answer['version']}"
        for verdict, count in sorted(answer["verdicts"].items(), key=lambda one: -one[1]):
            yield f"  {verdict}: {count:,}"
