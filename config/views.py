from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from config.api import api


@require_GET
def api_page(request: HttpRequest) -> HttpResponse:
    """The API for a reader: drawn here from its OpenAPI description, so that no script has to be allowed for it."""
    described: dict[str, Any] = api.get_openapi_schema()
    operations = [
        {"method": method.upper(), "path": path, **operation}
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    return render(request, "api.html", {"operations": operations})
