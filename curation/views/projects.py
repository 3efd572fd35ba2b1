from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from curation.access import ProjectRequest, projects, viewing
from curation.engine.errors import DataError
from curation.models import Event, Export, Membership, Project, Source, Worker
from curation.questions.sieve import steps
from curation.questions.telling import told
from curation.questions.waiting import waiting
from curation.views.runs import live, rows_of, watched

COUNTED = [
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]
MOST_RUNS = 20


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Straight to the project where there is one; else the list to choose from."""
    found = list(projects(request).order_by("name"))
    if len(found) == 1:
        return redirect(found[0])
    roles = dict(Membership.objects.filter(user=request.user.pk).values_list("project", "role"))
    listed = [(project, roles.get(project.pk, "administrator of this installation")) for project in found]
    return render(request, "curation/projects.html", {"listed": listed})


@require_POST
def project_new(request: HttpRequest) -> HttpResponse:
    """Whoever opens a project is asked to be a superuser: everybody else is invited to one."""
    if not getattr(request.user, "is_superuser", False):
        raise PermissionDenied("Only the administrator of this installation opens projects.")
    try:
        with transaction.atomic():
            project, new = Project.objects.open(request.POST.get("name", ""))
            if new:
                Event.objects.record("opened", project, project=project, by=request.user)
    except DataError as error:
        messages.error(request, str(error))
        return redirect("home")
    return redirect(project)


@require_GET
@viewing
def dashboard(request: ProjectRequest) -> HttpResponse:
    """What needs you, what runs, what came of the rows, and what changed."""
    if request.htmx and "live" in request.GET:
        return render(request, "curation/_dashboard_live.html", _live(request))
    project = request.project
    found = waiting(project, request.user)
    events = Event.objects.filter(project=project).select_related("who", "project")[:8]
    roles = dict(project.sources.order_by().values_list("split_role").annotate(Count("pk")))
    exports = Export.objects.published().filter(mixture__project=project)
    context = {
        "waiting": found,
        "title": _title(len(found)),
        "sieve": steps(project),
        "events": told(events),
        "sources": roles.get(Source.SplitRole.TRAIN, 0),
        "benchmarks": roles.get(Source.SplitRole.EVAL, 0),
        "export": exports.select_related("mixture__project").order_by("-pk").first(),
        "empty": not roles and not project.runs.exists(),
    }
    return render(request, "curation/dashboard.html", context | _running(request))


def _title(count: int) -> str:
    """Six things wait for you."""
    if not count:
        return "Nothing waits for you"
    said = COUNTED[count] if count < len(COUNTED) else f"{count}"
    return f"{said} {'thing waits' if count == 1 else 'things wait'} for you".capitalize()


def _running(request: ProjectRequest) -> dict[str, Any]:
    active = request.project.runs.active().select_related("user").order_by("-pk")[:MOST_RUNS]
    rows = rows_of(list(active))
    return {"rows": rows, "watched": watched(rows), "workers": Worker.objects.alive().count()}


def _live(request: ProjectRequest) -> dict[str, Any]:
    """The cells of the runs that the page shows; the whole table when others have begun, or some of them are over."""
    now, seen = _running(request), live(request)
    known = set(request.GET["live"].split(","))
    begun = [row for row in now["rows"] if str(row.run.pk) not in known]
    if begun or any(row.run.over for row in seen["rows"]):
        return now | {"rows": begun + seen["rows"], "oob": True, "anew": True}
    return seen
