"""What the commands that start runs have in common: they go through `jobs.start` like pages and the API."""

import json
import os
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseFault
from django.db import connection
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from curation import jobs
from curation.engine.errors import BadInput, DataError
from curation.models import Event, Project, Run, shell_user

DEFAULT = "default"


class ProjectCommand(BaseCommand, ABC):
    """Acts on one project as user `shell`. What a `DataError` says is what the person reads."""

    opens_projects = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", default=DEFAULT, help="name of the project (default: %(default)s)")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")
        self.add_own_arguments(parser)

    def add_own_arguments(self, parser: CommandParser) -> None:
        """What this command takes beside the project."""

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            prepare_database()
        except DatabaseFault as error:
            raise CommandError(f"The database cannot be used: {str(error).strip()}") from None
        self.user = shell_user()
        try:
            self.project = self._project(options["project"])
            answer = self.act(options)
        except DataError as error:
            raise CommandError(str(error)) from None
        lines = [json.dumps(answer, ensure_ascii=False)] if options["as_json"] else self.told(answer)
        try:
            for line in lines:
                self.stdout.write(line)
        except BrokenPipeError:  # whoever read it, such as head, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def _project(self, name: str) -> Project:
        if not self.opens_projects and name != DEFAULT and not Project.objects.filter(name=name).exists():
            known = ", ".join(Project.objects.order_by("name").values_list("name", flat=True))
            raise BadInput(f"There is no project {name}; there are: {known or 'none yet'}.")
        project, new = Project.objects.open(name)
        if new:
            Event.objects.record("opened", project, project=project, by=self.user)
        return project

    @abstractmethod
    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Do it; what comes back is printed, as JSON or through `told`."""

    def told(self, answer: dict[str, Any]) -> Iterator[str]:
        """The answer as lines for a person."""
        for key, value in answer.items():
            yield f"{key}: {value:,}" if isinstance(value, int) else f"{key}: {value}"

    def see_through(self, run: Run) -> Run:
        """Wait for a run, or do it here when no worker is up; an unhappy end becomes the command's error."""
        try:
            with progress_bar(run):
                run = jobs.carry_out(run)
        except KeyboardInterrupt:
            paused = run.pause(by=self.user)
            state = "is paused" if paused else "was over"
            raise CommandError(f"{run} {state}; take it up with: manage.py runs {run.pk} --resume") from None
        if run.status != Run.Status.DONE:
            raise CommandError(f"{run} {run.status}: {run.error or 'stopped before it finished'}")
        with suppress(KeyboardInterrupt):  # what follows is no part of what was asked for
            jobs.carry_out_what_follows(run)
        return run


def prepare_database() -> None:
    """The embedded default makes its tables at first use; a database server is somebody's, who is told."""
    if Project._meta.db_table in connection.introspection.table_names():
        return
    if connection.vendor != "sqlite":
        raise CommandError("The database has no tables yet. Run: python manage.py migrate")
    call_command("migrate", verbosity=0)


@contextmanager
def progress_bar(run: Run) -> Iterator[None]:
    """Rate and time left on standard error, from the row that every worker writes to."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    console, over = Console(file=sys.stderr), threading.Event()
    if not console.is_terminal:
        yield
        return
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(str(run), total=None, rate="")
        thread = threading.Thread(target=_follow, args=[run.pk, _teller(bar, task), over], daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _follow(pk: int, tell: Callable[[Run], None], over: threading.Event) -> None:
    try:
        while not over.wait(0.5):
            tell(Run.objects.get(pk=pk))
    finally:
        connection.close()


def _teller(bar: Progress, task: TaskID) -> Callable[[Run], None]:
    def tell(run: Run) -> None:
        at = run.progress()
        speed = bar.tasks[0].speed
        bar.update(
            task,
            description=f"{run} · {run.stage_name}",
            completed=at["done"],
            total=at["total"] or None,
            rate=f"{speed:,.0f}/s" if speed else "",
        )

    return tell
