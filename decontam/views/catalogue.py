from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from curation.access import ProjectRequest, curating, viewing
from curation.asked import plain
from curation.engine.errors import DataError
from curation.models import Source
from decontam.catalogue import entries, entry
from decontam.tasks.registering import start_registration


@require_GET
@viewing
def catalogue(request: ProjectRequest) -> HttpResponse:
    """Published benchmarks, those of the Tülu 3 suite first; `?words=` and `?role=` narrow it down."""
    return render(request, "decontam/catalogue.html", _catalogue(request))


def _catalogue(request: ProjectRequest) -> dict[str, Any]:
    words, role = plain(request.GET.get("words"))[:100], plain(request.GET.get("role"))
    found = [one for one in entries() if one.has(words) and role in ("", one.role)]
    here = set(
        request.project.sources.filter(split_role=Source.SplitRole.EVAL).values_list("name", flat=True)
    )
    roles = Source.BenchmarkRole.values
    return {
        "entries": found,
        "of": len(entries()),
        "here": here,
        "roles": roles,
        "words": words,
        "role": role,
    }


@require_POST
@curating
def catalogue_register(request: ProjectRequest, key: str) -> HttpResponse:
    """Register a benchmark of the catalogue and import its items; a run does it."""
    found = entry(key)
    if found is None:
        raise Http404(f"The catalogue has no benchmark {key}.")
    role = plain(request.POST.get("role")) or found.role or Source.BenchmarkRole.DEV
    try:
        return redirect(start_registration(request.project, found, role, user=request.user))
    except DataError as error:
        context = _catalogue(request) | {"sentence": str(error)}
        return render(request, "decontam/catalogue.html", context, status=422)
