from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Router, Schema, Status

from curation.access import Role, project_for
from curation.api.terms import Key, Name
from curation.engine.errors import Refused
from curation.links import link_for, password_path
from curation.models import Membership

router = Router(tags=["people"])


class MemberOut(Schema):
    id: int
    name: str
    role: str
    last_login: datetime | None

    @staticmethod
    def resolve_name(member: Membership) -> str:
        return member.user.get_username()

    @staticmethod
    def resolve_last_login(member: Membership) -> datetime | None:
        return member.user.last_login


class Invitation(Schema):
    name: str = Field(max_length=150)
    role: str = Field(max_length=20)


class NewRole(Schema):
    role: str = Field(max_length=20)


class Invited(Schema):
    member: MemberOut
    link: str | None = Field(
        description="sets a first password, once, within three days; null for who is known"
    )


class Link(Schema):
    link: str


def _member(request: HttpRequest, project: str, pk: int) -> Membership:
    found = project_for(request, project, Role.ADMIN).memberships.select_related("user", "project")
    member: Membership = get_object_or_404(found, pk=pk)
    return member


@router.get("/projects/{project}/people", response=list[MemberOut])
def list_people(request: HttpRequest, project: Name) -> Any:
    """The members of a project with their roles."""
    return project_for(request, project).memberships.select_related("user").order_by("user__username")


@router.post("/projects/{project}/people", response={201: Invited})
def invite(request: HttpRequest, project: Name, asked: Invitation) -> Any:
    """Give somebody a role; who is new here gets a link, which only this answer tells."""
    owner = project_for(request, project, Role.ADMIN)
    member, new = Membership.objects.invite(owner, asked.name, asked.role, by=request.user)
    link = request.build_absolute_uri(password_path(member.user)) if new else None
    return Status(201, {"member": member, "link": link})


@router.put("/projects/{project}/people/{pk}", response=MemberOut)
def change_role(request: HttpRequest, project: Name, pk: Key, asked: NewRole) -> Membership:
    """Change a role; the last admin stays one."""
    member = _member(request, project, pk)
    Membership.objects.change_role(member, asked.role, by=request.user)
    return member


@router.delete("/projects/{project}/people/{pk}", response={204: None})
def remove(request: HttpRequest, project: Name, pk: Key) -> Any:
    """Take somebody out of the project; their tokens here are revoked."""
    Membership.objects.remove(_member(request, project, pk), by=request.user)
    return Status(204, None)


@router.post("/projects/{project}/people/{pk}/link", response=Link)
def new_link(request: HttpRequest, project: Name, pk: Key) -> dict[str, str]:
    """A link for a member who lost the password: once, within three days. No token makes one."""
    if getattr(request, "token", None):
        raise Refused("A link opens all that its user may do, beyond what a token may; sign in to make one.")
    path = link_for(_member(request, project, pk), by=request.user)
    return {"link": request.build_absolute_uri(path)}
