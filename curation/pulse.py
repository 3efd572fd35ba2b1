"""The sign of life of a process that works: it beats for the parts it holds, and takes away what others lost."""

import logging
import os
import socket
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import close_old_connections, connection
from django.db.models.functions import Now

from curation.models import Part, Worker

log = logging.getLogger(__name__)


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


class Pulse:
    """One thread per process that beats for the parts it holds, says that the worker is there, and reaps."""

    def __init__(self, reap: Callable[[], None]) -> None:
        self._reap = reap
        self.queues: list[str] = []
        self._held: set[Part] = set()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def holding(self, part: Part) -> Iterator[None]:
        with self._lock:
            self._held.add(part)
        try:
            yield
        finally:
            with self._lock:
                self._held.discard(part)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Beat for the parts of this process while the block runs."""
        self.start()
        try:
            yield
        finally:
            self.stop()

    def start(self, queues: Collection[str] = ()) -> None:
        """With `queues`, tell others that this process takes whatever is open there."""
        self.queues = list(queues)
        self._over.clear()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        if self._thread:
            self._thread.join(timeout=5)
            self._thread = None

    def _run(self) -> None:
        beats = 0
        while not self._over.is_set():
            try:
                self.beat()
                if beats % 3 == 2:
                    self._reap()
            except Exception:
                log.exception("The pulse missed a beat")
            finally:
                close_old_connections()
            beats += 1
            self._over.wait(settings.SILENCE / 6)
        Worker.objects.filter(name=worker_name()).delete()
        connection.close()

    def beat(self) -> None:
        """A part past its deadline gets no more beats: it is taken for lost and given to another worker."""
        if self.queues and not Part.leaving.is_set():
            Worker.objects.update_or_create(
                name=worker_name(), defaults={"queues": self.queues, "seen": Now()}
            )
        with self._lock:
            held = [part for part in self._held if not part.overdue]
        for part in held:
            part.mine().update(heartbeat=Now())
