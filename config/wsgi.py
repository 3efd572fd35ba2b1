"""What a web server calls."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
AT_WORK = 16

Answer = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Working:
    """
    Pages are worked out in a few threads, which alone talk to the database; what they answered is sent by the thread of
    the server that called, however slowly it is read. So a server with many threads bears many slow readers, and
    neither the database nor the processor sees more than a few requests at once.
    """

    def __init__(self, answer: Answer, threads: int) -> None:
        self._answer, self._threads = answer, ThreadPoolExecutor(threads, thread_name_prefix="work")

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return self._threads.submit(self._answer, environ, start_response).result()


application = Working(get_wsgi_application(), AT_WORK)
