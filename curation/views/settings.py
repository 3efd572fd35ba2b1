from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from curation.access import REFUSALS, ProjectRequest, Role, administering, viewing
from curation.asked import number, plain
from curation.engine.errors import DataError
from curation.models import DECONTAMINATION, Check, Event, Export, Project, Token
from curation.models.mixture import exported_as
from curation.paging import page_of
from curation.questions.comparing import in_words
from curation.questions.telling import told

EVENTS = 50
NARROW = 100
FILTERS = ("who", "verb", "kind", "text")


@require_GET
@viewing
def settings(request: ProjectRequest) -> HttpResponse:
    project = request.project
    known = Check.objects.filter(version__dataset__project=project).values_list("kind", flat=True).distinct()
    kinds = sorted({DECONTAMINATION, *known, *project.required_checks})
    return render(request, "curation/settings.html", {"kinds": kinds})


@require_POST
@administering
def change_settings(request: ProjectRequest) -> HttpResponse:
    """Which checks an export needs."""
    if request.project.require(map(plain, request.POST.getlist("checks")), by=request.user):
        messages.success(request, "Exports that start from now on are held to this.")
    return redirect("settings", request.project)


@require_GET
@viewing
def audit(request: ProjectRequest) -> HttpResponse:
    """Who did what, the newest first; nothing is ever taken out."""
    events = Event.objects.filter(project=request.project)
    asked = {name: plain(request.GET.get(name))[:200] for name in FILTERS}
    page = page_of(_filtered(events, asked).select_related("who", "project"), request.GET, EVENTS)
    sentences = [(sentence, in_words(sentence.detail)) for sentence in told(page.items)]
    context = {
        "page": page,
        "sentences": sentences,
        "asked": asked,
        "filtered": any(asked.values()),
        "query": urlencode({name: value for name, value in asked.items() if value}),
        "people": events.order_by("who__username").values_list("who__username", flat=True).distinct(),
        "verbs": events.order_by("verb").values_list("verb", flat=True).distinct(),
        "kinds": events.order_by("kind").values_list("kind", flat=True).distinct(),
    }
    return render(request, "curation/audit.html", context)


def _filtered(events: QuerySet[Event], asked: dict[str, str]) -> QuerySet[Event]:
    if asked["who"]:
        events = events.filter(who__username=asked["who"])
    if asked["verb"]:
        events = events.filter(verb=asked["verb"])
    if asked["kind"]:
        events = events.filter(kind=asked["kind"])
    if text := asked["text"]:
        found = Q(label__icontains=text)
        if (key := number(text)) is not None:
            found |= Q(object_id=key)
        events = events.filter(found)
    return events


@require_GET
@viewing
def tokens(request: ProjectRequest) -> HttpResponse:
    return _tokens(request)


def _tokens(request: ProjectRequest, status: int = 200, **context: Any) -> HttpResponse:
    listed = list(
        request.project.tokens.within_reach(request.user)
        .select_related("user", "project", "mixture", "export__mixture")
        .order_by("-pk")[:200]
    )
    only = plain(request.GET.get("only"))
    typed = {"days": "90", "only": only, "scopes": [Token.Scope.EXPORT] if only else []}
    context = {
        "tokens": listed,
        "scopes": Token.Scope.choices,
        "narrow": _narrow(request.project),
        "my_links": request.project.links.live().filter(user=request.user.pk).count(),
        "typed": typed,
        **context,
    }
    return render(request, "curation/tokens.html", context, status=status)


def _narrow(project: Project) -> list[tuple[str, str]]:
    """What a token can be made for alone: mixtures, and their newest published exports."""
    exports = Export.objects.published().filter(mixture__project=project).select_related("mixture")
    mixtures = [
        (name, f"exports of {name}") for name in project.mixtures.values_list("name", flat=True)[:NARROW]
    ]
    return mixtures + [(f"{one.mixture}/{one.number}", str(one)) for one in exports.order_by("-pk")[:NARROW]]


@never_cache
@require_POST
@viewing
def token_new(request: ProjectRequest) -> HttpResponse:
    """Its secret is in this answer and nowhere else."""
    asked = request.POST
    name, scopes, days = asked.get("name", ""), asked.getlist("scopes"), asked.get("days", "")
    only = plain(asked.get("only"))
    try:
        token, secret = Token.objects.issue(
            request.project,
            plain(name),
            scopes,
            days=number(days) or 0,
            by=request.user,
            only=exported_as(request.project, only) if only else None,
        )
    except DataError as error:
        typed = {"name": name, "scopes": scopes, "days": days, "only": only}
        return _tokens(request, 422, error=str(error), typed=typed)
    return _tokens(request, made=token, secret=secret)


@require_POST
@viewing
def token_revoke(request: ProjectRequest, pk: int) -> HttpResponse:
    """One's own; admins those of everybody."""
    token = get_object_or_404(request.project.tokens.select_related("user", "project"), pk=pk)
    if not request.project.tokens.within_reach(request.user).filter(pk=pk).exists():
        raise PermissionDenied(REFUSALS[Role.ADMIN].format(project=request.project))
    if token.revoke(by=request.user):
        messages.success(request, f"{token.name} is revoked: whoever uses it is refused from now on.")
    return redirect("tokens", request.project)
