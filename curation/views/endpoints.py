from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from curation.access import ProjectRequest, administering
from curation.asked import plain
from curation.endpoints import try_out
from curation.engine.errors import DataError
from curation.engine.llm import KEYS, EndpointConfig, EndpointKind
from curation.models import Endpoint

FIELDS = ("name", "base_url", "model", "key_variable", "kind")


@require_GET
@administering
def endpoints(request: ProjectRequest) -> HttpResponse:
    return _page(request)


def _page(request: ProjectRequest, status: int = 200, **context: Any) -> HttpResponse:
    listed = request.project.endpoints.select_related("by").order_by("name")
    context = {"endpoints": listed, "kinds": list(EndpointKind), "keys": KEYS, "typed": {}} | context
    return render(request, "curation/endpoints.html", context, status=status)


@require_POST
@administering
def endpoint_new(request: ProjectRequest) -> HttpResponse:
    """Describe where a model is asked; the key itself is never typed here."""
    typed: dict[str, Any] = {name: plain(request.POST.get(name)) for name in FIELDS}
    typed["may_see_benchmark_text"] = "may_see_benchmark_text" in request.POST
    try:
        endpoint = Endpoint.objects.add(request.project, EndpointConfig(**typed), by=request.user)
    except DataError as error:
        return _page(request, 422, error=str(error), typed=typed)
    messages.success(request, f"{endpoint} is added. Try it, to see that it answers.")
    return redirect("endpoints", request.project)


@require_POST
@administering
def endpoint_try(request: ProjectRequest, pk: int) -> HttpResponse:
    """Ask it for one word; the page says how long that took, or what went wrong."""
    endpoint = _endpoint(request, pk)
    return _page(request, tried=try_out(endpoint), endpoint=endpoint)


@require_POST
@administering
def endpoint_remove(request: ProjectRequest, pk: int) -> HttpResponse:
    """Nobody asks it any more; what it answered stays."""
    endpoint = _endpoint(request, pk)
    Endpoint.objects.remove(endpoint, by=request.user)
    messages.success(request, f"{endpoint} is taken away; what it answered stays.")
    return redirect("endpoints", request.project)


def _endpoint(request: ProjectRequest, pk: int) -> Endpoint:
    return get_object_or_404(request.project.endpoints.select_related("project"), pk=pk)
