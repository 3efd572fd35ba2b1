import json
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from curation.access import ProjectRequest, curating, viewing
from curation.asked import number, plain
from curation.engine.errors import DataError
from curation.models import Run
from decontam.engine.report import METHODS
from decontam.models import Act, Ruling
from decontam.questions import reviews, verdicts
from decontam.questions.agreements import blind_to
from decontam.questions.reviews import Filter
from decontam.questions.scans import finished
from decontam.questions.waiting import to_review
from decontam.tasks.ruling import rule_all
from decontam.views.pairs import shown_pair

GROUPS = 40
MATCHES = 50
KEPT = ("order", "second", "disputed")  # what stays when one goes to another cause


def finished_scan(request: ProjectRequest, pk: int) -> Run:
    """A finished scan of the project of the page."""
    scan = get_object_or_404(request.project.runs.select_related("project"), kind="scan", pk=pk)
    return finished(scan)


def _on_desk(request: ProjectRequest) -> Filter:
    """What the desk is asked for; what is suppressed waits for nobody, unless somebody asks for it."""
    return replace(Filter.parse(request.GET.dict(), reviews.DESK), reader=_reader(request))


def _reader(request: ProjectRequest) -> int:
    return int(request.user.pk or 0)


def _said(wanted: Filter) -> dict[str, str]:
    """A filter as the addresses of the desk say it."""
    return wanted.query(reviews.DESK)


def _choices(scan: Run) -> dict[str, Any]:
    lines = scan.summary["lines"]
    return {"benchmarks": [line["benchmark"] for line in lines if line["matches"]], "methods": METHODS}


@require_GET
@viewing
def review(request: ProjectRequest, pk: int) -> HttpResponse:
    """The desk: causes on the left, the pair to rule on the right, the decision at the bottom."""
    scan, wanted = finished_scan(request, pk), _on_desk(request)
    asked = number(request.GET.get("seq", ""))
    match = reviews.at(scan, asked) if asked else reviews.following(scan, wanted)
    queue = reviews.groups(scan, wanted, after=number(request.GET.get("group", "")) or 0, limit=GROUPS)
    context = {
        "scan": scan,
        "wanted": wanted,
        "query": urlencode(_said(wanted)),
        "query_beside": urlencode(wanted.query()),
        "tally": reviews.counts(scan),
        "queue": queue,
        "kept": urlencode({name: said for name, said in _said(wanted).items() if name in KEPT}),
        "undoable": Act.UNDOABLE,
        **_choices(scan),
        **_pair(request, scan, wanted, match),
    }
    return render(request, "decontam/review.html", context)


@require_GET
@viewing
def review_pair(request: ProjectRequest, pk: int, seq: int) -> HttpResponse:
    """One pair as a fragment: the match of that number, or the one that `to` names beside it."""
    scan, wanted = finished_scan(request, pk), _on_desk(request)
    return _fragment(request, scan, wanted, _asked(scan, wanted, seq, request.GET.get("to", "")))


def _asked(scan: Run, wanted: Filter, seq: int, to: str) -> dict[str, Any] | None:
    if to == "following":
        return reviews.following(scan, wanted, after=seq)
    if to == "after":
        return next(iter(reviews.page(scan, wanted, after=seq, limit=1).rows), None)
    if to == "before":
        return next(iter(reviews.page(scan, wanted, before=seq, limit=1).rows), None) if seq else None
    return reviews.at(scan, seq)


def _fragment(
    request: ProjectRequest, scan: Run, wanted: Filter, match: dict[str, Any] | None
) -> HttpResponse:
    response = render(request, "decontam/_pair.html", {"scan": scan, **_pair(request, scan, wanted, match)})
    response["X-Tally"] = json.dumps(asdict(reviews.counts(scan)))
    return response


def _pair(request: ProjectRequest, scan: Run, wanted: Filter, match: dict[str, Any] | None) -> dict[str, Any]:
    """What the pair on the desk needs; `pair` is None when there is nothing left to rule."""
    if match is None:
        others = [other for other in to_review(request.project) if other.pk != scan.pk]
        return {"pair": None, "others": others, "wanted": wanted}
    reviews.look_ahead(scan, reviews.following(scan, wanted, after=match["seq"]))
    seq, said = match["seq"], _said(wanted)
    blind = wanted.second and blind_to(scan, match, request.user)
    here = reverse("review-pair", args=[request.project.name, scan.pk, seq])
    return {
        "pair": shown_pair(reviews.pair(scan, match)),
        "verdicts": [] if blind else verdicts.on_match(scan, seq),
        "blind": blind,
        "ruled": None if blind else reviews.rulings_of(scan, [match]).get(seq),
        "others": [] if blind else Ruling.objects.of_item(scan.project, match, limit=6),
        "address": _desk(request, scan, said | {"seq": str(seq)}),
        "rule": f"{reverse('rule-match', args=[request.project.name, scan.pk, seq])}?{urlencode(said)}",
        **{to: f"{here}?{urlencode(said | {'to': to})}" for to in ("following", "after", "before")},
    }


@require_POST
@curating
def rule_match(request: ProjectRequest, pk: int, seq: int) -> HttpResponse:
    """
    One verdict on one pair. A script that shows the next pair already says which (`shown`) and gets the one after it;
    a form is sent on to the next pair.
    """
    scan, wanted = finished_scan(request, pk), _on_desk(request)
    verdict = request.POST.get("verdict", "").replace("-", " ")
    if verdict != "skip":
        match = reviews.at(scan, seq)
        Ruling.objects.rule(scan, [match], verdict, by=request.user, reason=_reason(request))
    shown = number(request.POST.get("shown", "")) or seq
    following = reviews.following(scan, wanted, after=shown)
    if request.htmx:
        return _fragment(request, scan, wanted, following)
    return _back(request, scan, wanted, following)


def _reason(request: HttpRequest) -> str:
    return plain(request.POST.get("reason"))[:1000]


def _back(request: ProjectRequest, scan: Run, wanted: Filter, match: dict[str, Any] | None) -> HttpResponse:
    query = _said(wanted) | ({"seq": str(match["seq"])} if match else {})
    return redirect(_desk(request, scan, query))


def _desk(request: ProjectRequest, scan: Run, query: dict[str, str]) -> str:
    address = reverse("review", args=[request.project.name, scan.pk])
    return f"{address}?{urlencode(query)}" if query else address


@require_POST
@curating
def rule_many(request: ProjectRequest, pk: int) -> HttpResponse:
    """One verdict on all open matches of a cause or a filter: at once, or as a run when they are very many."""
    scan = finished_scan(request, pk)
    wanted = replace(Filter.parse(request.POST.dict() | {"verdict": ""}), reader=_reader(request))
    verdict = request.POST.get("ruling", "").replace("-", " ")
    ruled = rule_all(scan, wanted, verdict, by=request.user, reason=_reason(request))
    if isinstance(ruled, Run):
        return redirect(ruled)
    messages.success(request, f"{ruled:,} matches are ruled {verdict}. Undo takes all of them back.")
    back = _on_desk(request)
    return _back(request, scan, back, reviews.following(scan, back))


@require_POST
@curating
def undo(request: ProjectRequest, pk: int) -> HttpResponse:
    """Take back your last ruling on this scan, and put its pair on the desk again."""
    scan, wanted = finished_scan(request, pk), _on_desk(request)
    try:
        undone = Ruling.objects.undo(scan, by=request.user)
    except DataError as error:
        if request.htmx:
            return HttpResponse(str(error), status=422, content_type="text/plain; charset=utf-8")
        raise
    match = reviews.at(scan, undone.seqs[0]) if undone.seqs else reviews.following(scan, wanted)
    if request.htmx:
        return _fragment(request, scan, wanted, match)
    messages.info(request, undone.said)
    return _back(request, scan, wanted, match)


@require_GET
@viewing
def matches(request: ProjectRequest, pk: int) -> HttpResponse:
    """The evidence as a table, with what was ruled, by whom and when."""
    scan = finished_scan(request, pk)
    wanted = replace(Filter.parse(request.GET.dict()), reader=_reader(request))
    after, before = (number(request.GET.get(name, "")) or 0 for name in ("after", "before"))
    page = reviews.page(scan, wanted, after=after, before=before, limit=MATCHES)
    ruled = {} if wanted.second else reviews.rulings_of(scan, page.rows)
    rows = [match | {"ruled": ruled.get(match["seq"])} for match in page.rows]
    context = {
        "scan": scan,
        "training": scan.input("training"),
        "wanted": wanted,
        "query": urlencode(wanted.query()),
        "query_beside": urlencode(_said(wanted)),
        "rows": rows,
        "page": page,
        "tally": reviews.counts(scan),
        **_choices(scan),
    }
    return render(request, "decontam/matches.html", context)
