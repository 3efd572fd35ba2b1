from django.http import StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from curation.access import ProjectRequest, viewing
from decontam.delivery import streamed


@require_GET
@viewing
def scan_report(request: ProjectRequest, pk: int) -> StreamingHttpResponse:
    """What counts, for tools that read decon's reports; with `?all=1` also what does not."""
    scan = get_object_or_404(request.project.runs.select_related("project"), kind="scan", pk=pk)
    return streamed(scan, everything=request.GET.get("all") == "1")
