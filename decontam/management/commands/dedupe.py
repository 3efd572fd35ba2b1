from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from curation.management.base import ProjectCommand
from curation.models import Version
from decontam.engine.dedupe import DedupeConfig, Keep, Key
from decontam.tasks import start_dedupe

PLAIN = DedupeConfig()


class Command(ProjectCommand):
    help = "Remove duplicates: publishes what stays, what was removed and why, and the clusters."

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("versions", nargs="+", help="name or name@number, one or more")
        parser.add_argument("--against", nargs="+", default=[], help="versions that lose nothing, and win")
        parser.add_argument("--name", default="", help="what the outputs are called after")
        parser.add_argument(
            "--key", choices=list(Key), default=PLAIN.key, help="what is compared (%(default)s)"
        )
        parser.add_argument("--exact", action="store_true", help="only equal texts, no similar ones")
        parser.add_argument(
            "--threshold", type=float, default=PLAIN.threshold, help="Jaccard similarity (%(default)s)"
        )
        parser.add_argument(
            "--shingle", type=int, default=PLAIN.shingle, help="words in a shingle (%(default)s)"
        )
        parser.add_argument(
            "--keep", choices=list(Keep), default=PLAIN.keep, help="which row of several stays"
        )
        parser.add_argument("--keep-by", default="", help="label or note that quality or newest is read from")
        parser.add_argument(
            "--sources", nargs="+", default=[], help="sources by priority, the first one wins"
        )
        parser.add_argument("--closure", action="store_true", help="chains of duplicates go as a whole")
        parser.add_argument(
            "--reference-itself",
            action="store_true",
            help="what is held against is compared with itself too; it loses nothing",
        )
        parser.add_argument(
            "--only-against", action="store_true", help="the versions are not compared with each other"
        )
        parser.add_argument(
            "--max-source-loss",
            type=float,
            default=PLAIN.max_source_loss,
            help="share of its rows that a source may lose (%(default)s)",
        )
        parser.add_argument("--allow-loss", action="store_true", help="lose more than that all the same")

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        named = ("key", "threshold", "shingle", "keep", "keep_by", "sources", "closure", "reference_itself")
        config = DedupeConfig(
            **{name: options[name] for name in named},
            near=not options["exact"],
            each_other=not options["only_against"],
            max_source_loss=options["max_source_loss"],
            allow_loss=options["allow_loss"],
        )
        versions, against = (
            [Version.objects.named(self.project, name) for name in dict.fromkeys(options[side])]
            for side in ("versions", "against")
        )
        run = start_dedupe(versions, config, against=against, name=options["name"], user=self.user)
        run = self.see_through(run)
        return {"run": run.pk, **run.summary}

    def told(self, answer: dict[str, Any]) -> Iterator[str]:
        yield (
            f"run {answer['run']}: {answer['removed']:,} of {answer['rows']:,} rows removed, {answer['exact']:,} "
            f"the same and {answer['near']:,} similar, in {answer['clusters']:,} clusters"
        )
        for name, of in answer["sources"].items():
            yield f"  {name}: {of['lost']:,} of {of['rows']:,} rows ({of['share']:.1%})"
        if answer["unmet_sources"]:
            yield f"  no rows of: {', '.join(answer['unmet_sources'])}"
        if answer["empty"]:
            yield f"  {answer['empty']:,} rows have no text to compare and stay"
        yield f"kept: {answer['version']}; why: {answer['clusters_version']}"
