from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Router, Schema, Status

from curation.access import Role, project_for
from curation.api.terms import Key, Name, Text
from curation.endpoints import try_out
from curation.engine.llm import EndpointConfig, EndpointKind
from curation.engine.llm.config import LONGEST_MODEL, LONGEST_URL
from curation.models import Endpoint

router = Router(tags=["endpoints"])


class EndpointIn(Schema):
    name: Text = Field(max_length=100)
    base_url: Text = Field(max_length=LONGEST_URL)
    model: Text = Field(max_length=LONGEST_MODEL)
    key_variable: Text = Field(
        "", max_length=100, description="name of the environment variable that holds the key, never the key"
    )
    kind: Text = EndpointKind.CHAT.value
    may_see_benchmark_text: bool = False


class EndpointOut(Schema):
    id: int
    name: str
    kind: str
    base_url: str
    model: str
    key_variable: str
    has_key: bool = Field(description="the web server knows the key, or none is needed")
    may_see_benchmark_text: bool
    created: datetime


class TriedOut(Schema):
    good: bool
    seconds: float
    sentence: str


def _endpoint(request: HttpRequest, project: str, pk: int) -> Endpoint:
    found = project_for(request, project, Role.ADMIN).endpoints.select_related("project")
    endpoint: Endpoint = get_object_or_404(found, pk=pk)
    return endpoint


@router.get("/projects/{project}/endpoints", response=list[EndpointOut])
def list_endpoints(request: HttpRequest, project: Name) -> Any:
    """Where models are asked."""
    return project_for(request, project, Role.ADMIN).endpoints.order_by("name")


@router.post("/projects/{project}/endpoints", response={201: EndpointOut})
def add_endpoint(request: HttpRequest, project: Name, said: EndpointIn) -> Any:
    """Add an endpoint; benchmark text goes to it only if that is said here."""
    owner = project_for(request, project, Role.ADMIN)
    config = EndpointConfig(**said.dict())
    return Status(201, Endpoint.objects.add(owner, config, by=request.user))


@router.delete("/projects/{project}/endpoints/{pk}", response={204: None})
def remove_endpoint(request: HttpRequest, project: Name, pk: Key) -> Any:
    """Take an endpoint away; what it answered stays."""
    Endpoint.objects.remove(_endpoint(request, project, pk), by=request.user)
    return Status(204, None)


@router.post("/projects/{project}/endpoints/{pk}/try", response=TriedOut)
def try_endpoint(request: HttpRequest, project: Name, pk: Key) -> dict[str, Any]:
    """Ask it for one word, once: how long that took, or the sentence of what went wrong."""
    return asdict(try_out(_endpoint(request, project, pk)))
