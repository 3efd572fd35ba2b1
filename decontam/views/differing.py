from dataclasses import asdict
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from curation.access import ProjectRequest, viewing
from curation.asked import number
from curation.engine.errors import BadInput
from decontam.engine.differing import Change
from decontam.questions.differing import Asked, difference_of, lines
from decontam.views.review import finished_scan

PAIRS = 50
WORDS = {
    Change.GONE: "only in the older",
    Change.NEW: "only in the newer",
    Change.CHANGED: "in both, with another score or suppression",
}


@require_GET
@viewing
def against(request: ProjectRequest, pk: int, other: int) -> HttpResponse:
    """What one scan found otherwise than another, `other` being the older of the two."""
    newer, older = finished_scan(request, pk), finished_scan(request, other)
    asked, after = Asked.parse(request.GET), number(request.GET.get("after", "")) or 0
    found = difference_of(older, newer)
    shown, many, following = lines(older, newer, asked, after=after, limit=PAIRS)
    if after and not shown:
        raise BadInput(f"There are {many:,} such pairs, so none comes after {after:,}.")
    query = {name: said for name, said in asdict(asked).items() if said}
    context = {
        "newer": newer,
        "older": older,
        "words": {change.value: said for change, said in WORDS.items()},
        "totals": {change.value: found.total(change) for change in Change},
        "counts": [(benchmark, method, of) for (benchmark, method), of in found.counts.items()],
        "asked": asked,
        "query": urlencode(query),
        "lines": shown,
        "many": many,
        "first": after + 1,
        "following": following,
        "preceding": max(0, after - PAIRS) if after else None,
    }
    return render(request, "decontam/against.html", context)
