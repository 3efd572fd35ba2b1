from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from curation.access import ProjectRequest, viewing
from curation.engine.errors import BadInput
from decontam.questions.taint import offspring, removed_version

SHOWN = 50


@require_GET
@viewing
def offspring_page(request: ProjectRequest, name: str, number: int) -> HttpResponse:
    """What was made from removed rows: a row is as dirty as what it was made from."""
    try:
        removed = removed_version(request.project, name, number)
    except BadInput as error:
        raise Http404(str(error)) from error
    found = [(one, one.first[:SHOWN]) for one in offspring(removed)]
    rows = sum(len(one.rows) for one, _ in found)
    return render(request, "decontam/taint.html", {"removed": removed, "found": found, "rows": rows})
