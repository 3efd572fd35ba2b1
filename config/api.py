"""The OpenAPI root: every app hangs its router here."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.security import django_auth

from curation.api import router as curation
from curation.engine.errors import DataError

api = NinjaAPI(
    title="Winnow",
    version="1",
    description="Everything that the pages do, with the same configs and the same errors.",
    auth=django_auth,
    docs_decorator=login_required,
)
api.add_router("", curation)


@api.exception_handler(DataError)
def addressed(request: HttpRequest, error: DataError) -> HttpResponse:
    """What an engine says to the reader is a 422 with that sentence."""
    return api.create_response(request, {"detail": str(error)}, status=422)
