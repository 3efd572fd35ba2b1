from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Router, Schema, Status

from curation.access import REFUSALS, Role, exports_of, project_for
from curation.api.terms import Key, Name
from curation.models import Export, Link, Token

router = Router(tags=["exports"])


class LinkOut(Schema):
    id: int
    of: str
    created: datetime
    expires: datetime
    last_used: datetime | None

    @staticmethod
    def resolve_of(link: Link) -> str:
        return str(link.user.get_username())


class MadeLink(Schema):
    link: LinkOut
    address: str = Field(
        description="what the path of a file is added to; it opens the files for whoever has it"
    )


class NewLink(Schema):
    days: int = Field(7, ge=1, le=30, description="1, 7 or 30")


def _export(request: HttpRequest, project: str, mixture: str, number: int) -> Export:
    found = exports_of(request, project_for(request, project)).select_related("mixture__project")
    export: Export = get_object_or_404(found, mixture__name=mixture, number=number)
    return export


@router.get("/projects/{project}/exports/{mixture}/{number}/links", response=list[LinkOut])
def list_links(request: HttpRequest, project: Name, mixture: Name, number: Key) -> Any:
    """Your live links to an export; for admins everybody's. Addresses are told to whoever makes a link."""
    export = _export(request, project, mixture, number)
    return export.links.live().within_reach(request.user).select_related("user").order_by("-pk")


@router.post("/projects/{project}/exports/{mixture}/{number}/links", response={201: MadeLink})
def make_link(request: HttpRequest, project: Name, mixture: Name, number: Key, asked: NewLink) -> Any:
    """A link that reads the files of an export without a token; asked again soon it is the same one."""
    export = _export(request, project, mixture, number)
    if used := getattr(request, "token", None):
        used.require_within(asked.days, bool({Token.Scope.READ, Token.Scope.EXPORT} & set(used.scopes)))
    link = Link.objects.make(export, asked.days, by=request.user)
    return Status(201, {"link": link, "address": request.build_absolute_uri(link.path())})


@router.delete("/projects/{project}/links/{pk}", response={204: None})
def revoke_link(request: HttpRequest, project: Name, pk: Key) -> Any:
    """Revoke a link of yours; admins those of everybody."""
    owner = project_for(request, project)
    get_object_or_404(owner.links, pk=pk)
    reach = owner.links.within_reach(request.user).filter(pk=pk)
    if not reach.exists():
        raise PermissionDenied(REFUSALS[Role.ADMIN].format(project=owner))
    reach.revoke(by=request.user)
    return Status(204, None)
