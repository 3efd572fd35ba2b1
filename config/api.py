"""The OpenAPI root: every app hangs its router here."""

import re

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError
from ninja.security import HttpBearer, django_auth

from curation.api import router as curation
from curation.engine.errors import DataError
from curation.models import Token
from decontam.api import router as decontam

READING = ("GET", "HEAD", "OPTIONS")
EXPORTS = re.compile(r"/api/v1/projects/[^/]+/exports(/|$)(?![^/]+/[^/]+/rows/)")


def sufficient(request: HttpRequest) -> list[str]:
    """
    Any of these scopes will do: `write` to change, `read` to read, and below …/exports also `export`:
    not for the story of a row, which tells of people and of other mixtures.
    """
    if request.method not in READING:
        return [Token.Scope.WRITE]
    return [Token.Scope.READ, *([Token.Scope.EXPORT] if EXPORTS.match(request.path_info) else [])]


class TokenAuth(HttpBearer):
    """`Authorization: Bearer wnw_…`: a token acts for its user, in its project, within its scopes."""

    def authenticate(self, request: HttpRequest, token: str) -> Token | None:
        found = Token.objects.presented(token)
        if found is None:
            return None
        enough = sufficient(request)
        if not set(enough) & set(found.scopes):
            needed = " or ".join(enough)
            raise HttpError(403, f"This token lacks the scope {needed}; it has {', '.join(found.scopes)}.")
        request.user = found.user
        request.token = found  # type: ignore[attr-defined]
        return found


api = NinjaAPI(
    title="Winnow",
    version="1",
    description="Everything that the pages do, with the same configs and the same errors.",
    auth=[TokenAuth(), django_auth],
    docs_url=None,
    docs_decorator=login_required,
)
api.add_router("", curation)
api.add_router("", decontam)


@api.exception_handler(DataError)
def addressed(request: HttpRequest, error: DataError) -> HttpResponse:
    """What an engine says to the reader is a 422 with that sentence."""
    return api.create_response(request, {"detail": str(error)}, status=422)


@api.exception_handler(PermissionDenied)
def refused(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
    return api.create_response(request, {"detail": str(error)}, status=403)
