from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Router, Schema, Status

from curation.access import REFUSALS, Role, project_for
from curation.api.terms import Key, Name, Text
from curation.models import Token
from curation.models.mixture import exported_as

router = Router(tags=["tokens"])


class TokenOut(Schema):
    id: int
    name: str
    begins_with: str
    scopes: list[str]
    only: str = Field(description="the mixture or export that it is for; empty for the whole project")
    of: str
    created: datetime
    expires: datetime
    last_used: datetime | None
    revoked: datetime | None

    @staticmethod
    def resolve_begins_with(token: Token) -> str:
        return token.shown

    @staticmethod
    def resolve_only(token: Token) -> str:
        return str(token.only or "")

    @staticmethod
    def resolve_of(token: Token) -> str:
        return token.user.get_username()


class NewToken(Schema):
    name: Text = Field(max_length=100)
    scopes: list[str] = Field(max_length=10)
    days: int = Field(90, ge=1, le=366)
    only: Text = Field(
        "", max_length=120, description="`mix`, or `mix/3`: it reads these exports and nothing else"
    )


class Issued(Schema):
    token: TokenOut
    secret: str = Field(description="told in this answer and never again")


@router.get("/projects/{project}/tokens", response=list[TokenOut])
def list_tokens(request: HttpRequest, project: Name) -> Any:
    """Your tokens of a project; for admins everybody's. Secrets are kept by nobody."""
    found = project_for(request, project).tokens.within_reach(request.user)
    return found.select_related("user", "mixture", "export__mixture").order_by("-pk")


@router.post("/projects/{project}/tokens", response={201: Issued})
def make_token(request: HttpRequest, project: Name, asked: NewToken) -> Any:
    """A new token of yours; one that is made with a token can do no more and lasts no longer than that."""
    owner = project_for(request, project)
    if used := getattr(request, "token", None):
        used.require_within(asked.days, set(asked.scopes) <= set(used.scopes))
    only = exported_as(owner, asked.only) if asked.only else None
    token, secret = Token.objects.issue(
        owner, asked.name, asked.scopes, days=asked.days, by=request.user, only=only
    )
    return Status(201, {"token": token, "secret": secret})


@router.delete("/projects/{project}/tokens/{pk}", response={204: None})
def revoke_token(request: HttpRequest, project: Name, pk: Key) -> Any:
    """Revoke a token of yours; admins those of everybody."""
    owner = project_for(request, project)
    token: Token = get_object_or_404(owner.tokens.select_related("user", "project"), pk=pk)
    if not owner.tokens.within_reach(request.user).filter(pk=pk).exists():
        raise PermissionDenied(REFUSALS[Role.ADMIN].format(project=owner))
    token.revoke(by=request.user)
    return Status(204, None)
