import os
import signal
import subprocess
import sys
import time
from types import FrameType
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from sesame.utils import get_query_string

from curation.management.processes import answers, end_with_parent, free, taken_sentence


class Command(BaseCommand):
    help = "Start the web server and one worker per core, as children; stop them all with Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, choices=range(1, 65536), metavar="PORT", default=8000)
        parser.add_argument("--workers", type=int, default=settings.WORKERS or os.cpu_count() or 1)

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        if not free(host, port):
            raise CommandError(taken_sentence(host, port))
        call_command("migrate", verbosity=0)
        self._children = {"web": self._web(host, port)}
        for number in range(options["workers"]):
            self._children[f"worker {number + 1}"] = self._worker(number)
        self._stopping = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        self._wait_for(host, port)
        self._welcome(f"http://{host}:{port}")
        self._watch()

    def _wait_for(self, host: str, port: int) -> None:
        """Nobody is told of an address that does not answer yet."""
        limit = time.monotonic() + 60
        while time.monotonic() < limit and not self._stopping and self._children["web"].poll() is None:
            if answers(host, port):
                return
            time.sleep(0.1)

    def _welcome(self, url: str) -> None:
        """The first start makes an administrator and prints a link that signs in once."""
        user, new = get_user_model().objects.get_or_create(
            username="admin", defaults={"is_staff": True, "is_superuser": True}
        )
        if new:
            user.set_unusable_password()
            user.save()
        self.stdout.write(f"Winnow is at {url}")
        if user.last_login is None:
            self.stdout.write(f"Sign in once, within a day: {url}/login/link/{get_query_string(user)}")
        else:
            self.stdout.write("Another sign-in link: python manage.py login_link")
        self.stdout.flush()

    def _web(self, host: str, port: int) -> subprocess.Popen[bytes]:
        serve = (
            f"-m granian --interface wsgi --host {host} --port {port} --workers 1 --no-ws --log-level warning"
        )
        # A slow reader holds one of these threads; config.wsgi works in a few of its own. Backpressure counts
        # connections, and every browser keeps six of them open.
        threads = "--blocking-threads 512 --backpressure 1024"
        return self._child([sys.executable, *serve.split(), *threads.split(), "config.wsgi:application"])

    def _worker(self, number: int) -> subprocess.Popen[bytes]:
        return self._child([sys.executable, "manage.py", "worker", "--name", f"up{number + 1}"])

    def _child(self, command: list[str]) -> subprocess.Popen[bytes]:
        """In a session of its own, so that Ctrl-C reaches it once, through us; it does not outlive us."""
        return subprocess.Popen(
            command, cwd=settings.BASE_DIR, start_new_session=True, preexec_fn=end_with_parent
        )

    def _watch(self) -> None:
        """A worker that dies is started again; without the web server there is no use in going on."""
        while not self._stopping:
            time.sleep(0.5)
            for number, (name, child) in enumerate(list(self._children.items())):
                if child.poll() is not None and not self._stopping:
                    self.stderr.write(f"{name} ended with status {child.returncode}")
                    if name == "web":
                        self._stop(signal.SIGTERM, None)
                        raise CommandError("The web server ended, so the workers were stopped too.")
                    self._children[name] = self._worker(number - 1)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        if self._stopping:
            return
        self._stopping = True
        for child in self._children.values():
            child.send_signal(signal.SIGTERM)
        limit = time.monotonic() + 10
        for child in self._children.values():
            try:
                child.wait(timeout=max(0.1, limit - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        self.stdout.write("Stopped.")
