"""Reports of scans as files: pages and API hand out the same."""

from django.http import StreamingHttpResponse

from curation.models import Run
from decontam.questions.reports import decon_report
from decontam.questions.scans import finished


def streamed(scan: Run, *, everything: bool) -> StreamingHttpResponse:
    """The report of a scan, line by line as it is made."""
    lines = decon_report(finished(scan), everything=everything)
    told = StreamingHttpResponse(lines, content_type="application/jsonl; charset=utf-8")
    told["Content-Disposition"] = f'attachment; filename="{scan.subject}-scan-{scan.pk}.report.jsonl"'
    return told
