import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from celery import current_app
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from curation.models import Run, Worker, store


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, whether it is as it should be (None: not needed), what was seen, and the remedy."""

    what: str
    good: bool | None
    seen: str
    remedy: str = ""


class Command(BaseCommand):
    help = "Say what is missing here and how to put it right."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = [finding for look in LOOKS for finding in _safely(look)]
        if options["as_json"]:
            found = [asdict(finding) for finding in findings]
            self.stdout.write(json.dumps({"findings": found}, ensure_ascii=False))
        else:
            for finding in findings:
                mark = {True: "ok", False: "WRONG", None: "–"}[finding.good]
                self.stdout.write(f"{mark:<6} {finding.what:<12} {finding.seen}")
                if finding.remedy:
                    self.stdout.write(f"{'':<20}{finding.remedy}")
        if wrong := [finding.what for finding in findings if finding.good is False]:
            raise CommandError(f"Not as it should be: {', '.join(wrong)}")


def _safely(look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except Exception as error:
        yield Finding(look.__name__, False, f"{type(error).__name__}: {error}", "See docs/settings.md.")


def python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", sys.version_info >= (3, 11), version)


def database() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    remedy = "Run: python manage.py migrate" if waiting else ""
    yield Finding("database", not waiting, f"{connection.vendor}, {len(waiting)} migrations to apply", remedy)


def storage() -> Iterator[Finding]:
    place = store()
    place.put("doctor/probe", "probe")
    same = place.get("doctor/probe") == "probe"
    place.remove("doctor")
    room = f", {shutil.disk_usage(settings.HOME).free / 1e9:,.0f} GB free" if place.local else ""
    yield Finding("store", same, f"{settings.STORE_URL}{room}")


def broker() -> Iterator[Finding]:
    with current_app.connection_for_write() as link:
        link.ensure_connection(max_retries=1, timeout=3)
    yield Finding("broker", True, settings.BROKER_URL.partition("@")[2] or settings.BROKER_URL)


def workers() -> Iterator[Finding]:
    alive, waiting = Worker.objects.alive().count(), Run.objects.waiting().count()
    remedy = (
        ""
        if alive
        else "Run: python manage.py up, or python manage.py worker. Commands do the work themselves."
    )
    yield Finding("workers", True if alive else None, f"{alive} alive, {waiting} runs waiting", remedy)


def secret_key() -> Iterator[Finding]:
    path = settings.HOME / "secret-key"
    if os.environ.get("WINNOW_SECRET_KEY"):
        yield Finding("secret key", True, "from the environment")
    else:
        yield Finding("secret key", True, f"{path}, mode {path.stat().st_mode & 0o777:04o}")


def tools() -> Iterator[Finding]:
    """What later work can use where it is there."""
    for name, what in (("bwrap", "runs generated code"), ("chromium", "browser tests")):
        found = shutil.which(name)
        yield Finding(name, True if found else None, found or f"not installed; {what}")


LOOKS = (python, database, storage, broker, workers, secret_key, tools)
