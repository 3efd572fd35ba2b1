"""
Who may do what, asked in one place by pages and API alike.

The rule itself is `Project.objects.visible_to` and its kin. What a user may not even see is "not found"; what they see
but may not do is refused with a sentence. A token acts for its user in one project and within its scopes.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils.functional import SimpleLazyObject
from django_htmx.middleware import HtmxDetails

from curation.models import Export, Membership, Project, Token
from curation.models.mixture import ExportQuerySet
from curation.models.project import ProjectQuerySet

Role = Membership.Role
P = ParamSpec("P")
Page = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
ProjectPage = Callable[Concatenate["ProjectRequest", P], HttpResponseBase]
REFUSALS = {
    Role.CURATOR: "Only curators and admins of {project} can do this. An admin can change your role under People.",
    Role.ADMIN: "Only admins of {project} can do this.",
}


class ProjectRequest(HttpRequest):
    """A request for a page of one project, as `viewing` and its kin hand it on."""

    project: Project
    token: Token | None
    htmx: HtmxDetails


def projects(request: HttpRequest) -> ProjectQuerySet:
    """The projects that whoever asks may see."""
    return _in_reach(request, Project.objects.visible_to(request.user))


def allowed(request: HttpRequest, role: str) -> ProjectQuerySet:
    """The projects where whoever asks may do what needs a role."""
    user = request.user
    found = {
        Role.VIEWER: Project.objects.visible_to,
        Role.CURATOR: Project.objects.run_by,
        Role.ADMIN: Project.objects.administered_by,
    }[Role(role)](user)
    return _in_reach(request, found)


def _in_reach(request: HttpRequest, found: ProjectQuerySet) -> ProjectQuerySet:
    token = getattr(request, "token", None)
    return found.filter(pk=token.project_id) if token else found


def project_for(request: HttpRequest, name: str, role: str = Role.VIEWER) -> Project:
    """The project of that name; Http404 for whoever may not see it, PermissionDenied without the role."""
    project = projects(request).filter(name=name).first()
    if project is None:
        raise Http404(f"There is no project {name}, or you are not a member of it.")
    if role != Role.VIEWER and not allowed(request, role).filter(pk=project.pk).exists():
        raise PermissionDenied(REFUSALS[Role(role)].format(project=project))
    return project


def exports_of(request: HttpRequest, project: Project) -> ExportQuerySet:
    """The exports of a project that whoever asks may read: of a narrow token those that it is for."""
    found = Export.objects.filter(mixture__project=project)
    token = getattr(request, "token", None)
    return found.for_token(token) if token else found


def _page_for(role: str) -> Callable[[ProjectPage[P]], Callable[..., HttpResponseBase]]:
    def decorate(view: ProjectPage[P]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def page(request: Any, project: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            request.project = project_for(request, project, role)
            return view(request, *args, **kwargs)

        return page

    return decorate


viewing = _page_for(Role.VIEWER)
curating = _page_for(Role.CURATOR)
administering = _page_for(Role.ADMIN)


def in_project(request: HttpRequest) -> dict[str, Any]:
    """For templates: the project of the page, and what its reader may do there."""
    project = getattr(request, "project", None)
    if project is None or isinstance(request.user, AnonymousUser):
        return {}
    roles = set(project.memberships.filter(user=request.user.pk).values_list("role", flat=True))
    boss = request.user.is_superuser or Role.ADMIN in roles
    return {
        "project": project,
        "may_curate": boss or Role.CURATOR in roles,
        "may_administer": boss,
        "active_runs": SimpleLazyObject(project.runs.active().count),  # fragments have no menu to say it in
    }
