"""Who asks for which export: a token, a repository's name and a revision, or what is missing of them."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from curation.access import exports_of, project_for
from curation.delivery import withdrawn
from curation.gates import withheld
from curation.hub.errors import Missing, no_repository, no_revision
from curation.models import Export, Token
from curation.models.mixture import ExportQuerySet

P = ParamSpec("P")
View = Callable[Concatenate["HubRequest", P], HttpResponseBase]
READS = {Token.Scope.READ, Token.Scope.EXPORT}
WRONG = "Invalid credentials in Authorization header"  # these words of the Hub's are looked for by huggingface_hub
HEX = re.compile(r"[0-9a-f]{7,40}")
NUMBER = re.compile(r"v?([1-9][0-9]{0,8})", re.ASCII)


class HubRequest(HttpRequest):
    """A request of somebody whose token reads exports."""

    token: Token


def hub_view(view: View[P]) -> Callable[..., HttpResponseBase]:
    """Answers to programs with a token alone, never to a browser's cookie; what is missing is told as the Hub would."""

    @csrf_exempt
    @login_not_required
    @wraps(view)
    def answer(request: Any, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            request.token = _presented(request)
            request.user = request.token.user
            return view(request, *args, **kwargs)
        except Missing as missing:
            return missing.answer()

    return answer


def _presented(request: HttpRequest) -> Token:
    """The token of the request; without one the Hub tells of a private repository as of none, and so do we."""
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not secret.strip():
        raise no_repository("Every data set here is private: set HF_TOKEN to a token of yours.", 401)
    token = Token.objects.presented(secret.strip())
    if token is None:
        raise Missing(WRONG, status=401)
    if not READS & set(token.scopes):
        raise Missing(f"This token lacks the scope export; it has {', '.join(token.scopes)}.", status=403)
    return token


def exports_in(request: HubRequest, project: str, mixture: str) -> ExportQuerySet:
    """The exports of a mixture that the token reads, the newest first; a mixture without any is no repository."""
    try:
        own = project_for(request, project)
    except Http404:
        own = None
    found = exports_of(request, own).filter(mixture__name=mixture).order_by("-number") if own else None
    if found is None or not found.exists():
        raise no_repository(f"There is no mixture {project}/{mixture} with an export that this token reads.")
    return found.select_related("mixture__project", "version__dataset__project")


def export_at(request: HubRequest, project: str, mixture: str, revision: str) -> Export:
    """
    `main` is the newest published export, `3` and `v3` are the third, and so is its commit or what begins it alone.
    One that was withdrawn or is withheld says so instead of giving way to another.
    """
    found = exports_in(request, project, mixture)
    export = _at(found, revision)
    if export is None:
        raise no_revision(f"{mixture} has no export {revision}; it has {_numbers(found)}.")
    if said := withdrawn(export):
        raise no_revision(said)
    if said := withheld(export):
        raise Missing(said, status=403)
    return export


def _at(found: ExportQuerySet, revision: str) -> Export | None:
    if revision in ("main", "refs/heads/main"):
        return found.published().first()
    if (number := NUMBER.fullmatch(revision)) and (export := found.filter(number=int(number[1])).first()):
        return export
    if HEX.fullmatch(revision):
        alike = found.filter(manifest_hash__startswith=revision)[:2]
        return alike[0] if len(alike) == 1 else None
    return None


def _numbers(found: ExportQuerySet) -> str:
    numbers = found.published().values_list("number", flat=True)[:20]
    return ", ".join(f"v{number}" for number in numbers) or "none that is published"
