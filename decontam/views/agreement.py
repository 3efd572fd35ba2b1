from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from curation.access import ProjectRequest, viewing
from curation.asked import number
from decontam.engine.ledger import Filter
from decontam.questions import reviews
from decontam.questions.agreements import agreement_of, names, opinions_of
from decontam.views.review import finished_scan

PAIRS = 50


@require_GET
@viewing
def agreement(request: ProjectRequest, pk: int) -> HttpResponse:
    """Where several people ruled on the same pairs: how far they agree, and the pairs on which they do not."""
    scan = finished_scan(request, pk)
    found = agreement_of(scan)
    known = names(found)
    after, before = (number(request.GET.get(name, "")) or 0 for name in ("after", "before"))
    page = reviews.page(scan, Filter(disputed=True), after=after, before=before, limit=PAIRS)
    said = opinions_of(scan, page.rows)
    context: dict[str, Any] = {
        "scan": scan,
        "agreement": found,
        "between": [(known[one.first], known[one.second], one) for one in found.between],
        "page": page,
        "rows": [(match, said[match["seq"]]) for match in page.rows],
    }
    return render(request, "decontam/agreement.html", context)
