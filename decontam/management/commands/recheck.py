import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from curation.engine.errors import BadInput
from curation.management.base import ProjectCommand
from decontam.tasks.rechecking import compared, start_recheck

DIFFERENT, CANNOT = 1, 2


class Command(ProjectCommand):
    help = (
        "Find out again what a certificate says: the same scan of the same contents here, count by count. "
        "Ends with 0 when all is equal, 1 when something differs, 2 when it cannot be found out."
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("certificate", help="the JSON of a certificate")

    def handle(self, *args: Any, **options: Any) -> None:
        self.equal = False
        try:
            super().handle(*args, **options)
        except CommandError as error:
            raise CommandError(str(error), returncode=CANNOT) from None
        if not self.equal:
            sys.exit(DIFFERENT)

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        certificate = _read(options["certificate"])
        run = self.see_through(start_recheck(self.project, certificate, user=self.user))
        lines = compared(run, certificate)
        self.equal = all(line.equal for line in lines)
        told = [{"what": one.what, "said": one.said, "found": one.found, "equal": one.equal} for one in lines]
        subject = certificate["subject"]["version"]
        return {"run": run.pk, "subject": subject, "equal": self.equal, "lines": told}

    def told(self, answer: dict[str, Any]) -> Iterator[str]:
        width = max(len(line["what"]) for line in answer["lines"])
        yield f"{'':{width}}  {'certificate':>12}  {'found':>12}"
        for line in answer["lines"]:
            said, found = (_short(line[name]) for name in ("said", "found"))
            yield f"{line['what']:{width}}  {said:>12}  {found:>12}{'' if line['equal'] else '  differs'}"
        wrong, every = sum(not line["equal"] for line in answer["lines"]), len(answer["lines"])
        said = f"{wrong:,} of {every:,} counts differ" if wrong else f"All {every:,} counts are equal"
        yield f"{said}: the certificate of {answer['subject']} {'does not hold' if wrong else 'holds'}."


def _short(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else json.dumps(value, sort_keys=True)


def _read(path: str) -> Any:
    try:
        return json.loads(Path(path).read_bytes())
    except OSError as error:
        raise BadInput(f"The certificate cannot be read: {error}") from None
    except ValueError as error:
        raise BadInput(f"{path} is not valid JSON: {error}") from None
