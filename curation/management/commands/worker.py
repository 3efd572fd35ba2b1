import os
import warnings
from typing import Any

from celery import current_app
from celery.exceptions import SecurityWarning
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    help = "Run one worker process: it takes parts of runs until it is told to stop."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", default=f"worker-{os.getpid()}", help="unique on this machine")
        parser.add_argument("--queues", default="cpu,light", help="comma-separated (default: %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        # Messages are JSON and carry numbers only, so running as root adds no way in through the broker.
        warnings.filterwarnings("ignore", category=SecurityWarning)
        current_app.worker_main(
            [
                "--quiet",
                "worker",
                "--pool=threads",
                "--concurrency=1",
                "--without-gossip",
                "--without-mingle",
                "--loglevel=WARNING",
                f"--queues={options['queues']}",
                f"--hostname={options['name']}@%h",
            ]
        )
