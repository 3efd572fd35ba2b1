from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from curation.access import ProjectRequest, curating, viewing
from curation.asked import number
from curation.engine.errors import DataError
from curation.models import Run
from decontam.forms.dedupe import DedupeForm
from decontam.questions import duplicates

ROWS = 25


@require_http_methods(["GET", "POST"])
@curating
def dedupe_new(request: ProjectRequest) -> HttpResponse:
    """Choose what is compared and what stays; the rest is a run."""
    asked = {side: request.GET.getlist(side) for side in ("versions", "against") if side in request.GET}
    form = DedupeForm(request.project, request.POST or None, initial=asked)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect(form.start(request.user))
        except DataError as error:
            form.add_error(None, str(error))
    return render(request, "decontam/dedupe_new.html", {"form": form}, status=422 if form.errors else 200)


@require_GET
@viewing
def clusters(request: ProjectRequest, pk: int) -> HttpResponse:
    """What a run found to be the same, the largest clusters first, and what that costs each source."""
    runs = Run.objects.filter(project=request.project, kind="dedupe").select_related("project", "user")
    run = get_object_or_404(runs, pk=pk)
    version = duplicates.clusters(run)
    if version is None:
        return redirect(run)
    after = max(number(request.GET.get("after", "")) or 0, 0)
    found = duplicates.members(run, version, after, ROWS)
    context = {
        "run": run,
        "version": version,
        "facts": version.facts,
        "made": run.outputs.filter(role="deduplicated").select_related("dataset__project").first(),
        "members": found,
        "previous": max(after - ROWS, 0) if after else None,
        "next": found[-1].seq if found and found[-1].seq < version.rows else None,
    }
    return render(request, "decontam/clusters.html", context)
