from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from curation.access import ProjectRequest, administering, projects, viewing
from curation.engine.errors import DataError
from curation.links import link_for, password_path
from curation.models import Membership

ROLES = {
    Membership.Role.ADMIN: "decides who may do what",
    Membership.Role.CURATOR: "imports, scans, rules, mixes and exports",
    Membership.Role.VIEWER: "sees everything, changes nothing",
    Membership.Role.ANNOTATOR: "labels, and sees nothing else",
}


@require_GET
@viewing
def people(request: ProjectRequest) -> HttpResponse:
    return _page(request)


def _page(request: ProjectRequest, status: int = 200, **context: Any) -> HttpResponse:
    members = request.project.memberships.select_related("user").order_by("user__username")
    roles = [(role.value, told) for role, told in ROLES.items()]
    return render(
        request, "curation/people.html", {"members": members, "roles": roles, **context}, status=status
    )


def _member(request: ProjectRequest, pk: int) -> Membership:
    return get_object_or_404(request.project.memberships.select_related("user", "project"), pk=pk)


@never_cache
@require_POST
@administering
def invite(request: ProjectRequest) -> HttpResponse:
    """Give somebody a role. Who is new here gets a link, which this answer alone shows."""
    name, role = request.POST.get("name", ""), request.POST.get("role", "")
    try:
        membership, new = Membership.objects.invite(request.project, name, role, by=request.user)
    except DataError as error:
        return _page(request, 422, error=str(error), name=name, chosen=role)
    if not new:
        messages.success(
            request, f"{membership.user} is {membership.role} now, and signs in with the password they have."
        )
        return redirect("people", request.project)
    return _page(request, link=_absolute(request, password_path(membership.user)), linked=membership)


@never_cache
@require_POST
@administering
def member_link(request: ProjectRequest, pk: int) -> HttpResponse:
    """Another link, for somebody who lost the password."""
    membership = _member(request, pk)
    path = link_for(membership, by=request.user)
    return _page(request, link=_absolute(request, path), linked=membership)


def _absolute(request: ProjectRequest, path: str) -> str:
    return request.build_absolute_uri(path)


@require_POST
@administering
def member_role(request: ProjectRequest, pk: int) -> HttpResponse:
    try:
        Membership.objects.change_role(_member(request, pk), request.POST.get("role", ""), by=request.user)
    except DataError as error:
        return _page(request, 422, refusal=str(error))
    return _back(request)


@require_POST
@administering
def member_remove(request: ProjectRequest, pk: int) -> HttpResponse:
    """Their tokens of this project go with them; what they did stays in the audit log."""
    membership = _member(request, pk)
    try:
        Membership.objects.remove(membership, by=request.user)
    except DataError as error:
        return _page(request, 422, refusal=str(error))
    messages.success(request, f"{membership.user} is no member any more; their tokens here are revoked.")
    return _back(request)


def _back(request: ProjectRequest) -> HttpResponse:
    """Who took the right from themselves goes where they still may be."""
    still = projects(request).filter(pk=request.project.pk).exists()
    return redirect("people", request.project) if still else redirect("home")
