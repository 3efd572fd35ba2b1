from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from curation.access import ProjectRequest, curating
from curation.models import Export
from decontam.tasks.exports import start_export_scan


@require_POST
@curating
def scan_files(request: ProjectRequest, mixture: str, number: int) -> HttpResponse:
    """Compare the published files themselves with the benchmarks of the project; a run does it."""
    own = Export.objects.filter(mixture__project=request.project).select_related(
        "mixture__project", "version__dataset"
    )
    return redirect(
        start_export_scan(get_object_or_404(own, mixture__name=mixture, number=number), user=request.user)
    )
