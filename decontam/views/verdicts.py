from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from curation.access import ProjectRequest, curating
from curation.engine.errors import DataError
from decontam.forms.verdicts import VerdictForm
from decontam.views.review import finished_scan


@require_POST
@curating
def ask_model(request: ProjectRequest, pk: int) -> HttpResponse:
    """Have a model say of matches whether they give items away; a run asks it."""
    scan = finished_scan(request, pk)
    form = VerdictForm(scan, request.POST)
    if form.is_valid():
        try:
            return redirect(form.start(request.user))
        except DataError as error:
            form.add_error(None, str(error))
    context = {"scan": scan, "training": scan.input("training"), "ask": form}
    return render(request, "decontam/ask_model.html", context, status=422)
