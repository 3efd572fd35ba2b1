from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from curation.engine.errors import DataError


class AddressedErrors:
    """What an engine says to the reader, and no page caught, is a page with that sentence, not a failure of ours."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, DataError):
            return render(request, "refused.html", {"error": error}, status=422)
        return None
