from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from curation.access import ProjectRequest, curating, viewing
from curation.asked import number, plain
from curation.engine.errors import DataError
from curation.forms.mapping import in_words
from curation.forms.sources import LICENCES, Registration
from curation.locations import from_outside
from curation.models import Source, Version
from curation.questions.intake import entries, mapped, runs_of, used, versions_of, with_state
from curation.questions.rejects import Wanted, page, reasons_of, rejects_of

PAGE = 100
SHOWN = 20
REJECTS = 50


@require_GET
@viewing
def sources(request: ProjectRequest) -> HttpResponse:
    """Everything that was registered, benchmarks too."""
    asked = plain(request.GET.get("q"))[:200]
    found = request.project.sources.all()
    if asked:
        found = found.filter(
            Q(name__icontains=asked) | Q(location__icontains=asked) | Q(licence__icontains=asked)
        )
    return render(request, "curation/sources.html", _listed(request, found) | {"asked": asked})


@require_GET
@viewing
def benchmarks(request: ProjectRequest) -> HttpResponse:
    """What training data is compared with, and never trained on."""
    found = request.project.sources.filter(split_role=Source.SplitRole.EVAL)
    context = _listed(request, found)
    context |= {"entries": used(context["entries"]), "roles": Source.BenchmarkRole.choices}
    return render(request, "curation/benchmarks.html", context)


def _listed(request: ProjectRequest, found: QuerySet[Source]) -> dict[str, Any]:
    after = plain(request.GET.get("after"))
    rows = with_state(found).filter(name__gt=after).select_related("project").order_by("name")[: PAGE + 1]
    listed = list(rows)
    more = listed[PAGE - 1].name if len(listed) > PAGE else ""
    return {"entries": entries(listed[:PAGE]), "more": more, "after": after}


@require_http_methods(["GET", "HEAD", "POST"])
@curating
def source_new(request: ProjectRequest) -> HttpResponse:
    """Say where rows are; what was found there comes next. `?source=` reads a registered one from elsewhere."""
    asked = plain(request.POST.get("again") or request.GET.get("source"))
    source = source_of(request, asked) if asked else None
    if request.method != "POST":
        return _registration(request, Registration.begun(request.GET, source))
    draft = Registration.posted(request.POST, source)
    try:
        draft.start(request.project, file=request.FILES.get("file"), user=request.user)
    except DataError as error:
        draft.error = str(error)
        return _registration(request, draft, status=422)
    return redirect("source-mapping", request.project, draft.name)


def _registration(request: ProjectRequest, draft: Registration, status: int = 200) -> HttpResponse:
    context = {
        "draft": draft,
        "licences": LICENCES,
        "roles": Source.SplitRole.choices,
        "benchmark_roles": Source.BenchmarkRole.choices,
        "roots": settings.IMPORT_ROOTS,
        "largest": settings.MAX_UPLOAD_BYTES,
    }
    return render(request, "curation/source_new.html", context, status=status)


def source_of(request: ProjectRequest, name: str) -> Source:
    """A source of the project of the page."""
    source: Source = get_object_or_404(request.project.sources, name=name)
    return source


@require_GET
@viewing
def source(request: ProjectRequest, name: str) -> HttpResponse:
    return _told(request, source_of(request, name))


def _told(request: ProjectRequest, source: Source, error: str = "") -> HttpResponse:
    versions, runs = list(versions_of(source)[: SHOWN + 1]), list(runs_of(source)[: SHOWN + 1])
    history = list(mapped(source)[:SHOWN])
    context = {
        "source": source,
        "newest": next((version for version in versions if not version.purged), None),
        "versions": versions[:SHOWN],
        "runs": runs[:SHOWN],
        "more_runs": len(runs) > SHOWN,
        "active": next((run for run in runs if not run.over), None),
        "mapping": in_words(source.mapping),
        "history": [(event, in_words(event.detail.get("mapping", {}))) for event in history],
        "licences": LICENCES,
        "benchmark_roles": Source.BenchmarkRole.choices,
        "error": error,
        "typed": plain(request.POST.get("licence")),
        "away": _away(request, source),
    }
    return render(request, "curation/source.html", context, status=422 if error else 200)


def _away(request: ProjectRequest, source: Source) -> str:
    """Why a page may not read this source again; empty where it may."""
    try:
        from_outside(source.location, request.project)
    except DataError as refusal:
        return str(refusal)
    return ""


@require_POST
@curating
def source_change(request: ProjectRequest, name: str) -> HttpResponse:
    """Its licence, its role as a benchmark, or that it is one."""
    source = source_of(request, name)
    back = request.POST.get("back", "")
    try:
        if "benchmark" in request.POST:
            source.become_benchmark(Source.BenchmarkRole.DEV, by=request.user)
        else:
            said = {
                field: plain(request.POST[field])
                for field in ("licence", "benchmark_role")
                if field in request.POST
            }
            source.change(by=request.user, **said)
    except DataError as error:
        return _told(request, source, str(error))
    if back == "benchmarks":
        return redirect("benchmarks", request.project)
    return redirect("source-mapping" if back == "mapping" else "source", request.project, name)


@require_GET
@viewing
def source_errors(request: ProjectRequest, name: str) -> HttpResponse:
    """What an import could not use: how many rows for which reason, then each with its file and line."""
    source = source_of(request, name)
    version = _imported(request, source)
    rejects = rejects_of(version) if version else None
    reasons, others = reasons_of(version) if version else ({}, 0)
    wanted = Wanted(
        request.GET.get("reason", "")[:2000], tuple(reasons) if "others" in request.GET and others else ()
    )
    after = number(request.GET.get("after", ""))
    context = {
        "source": source,
        "version": version,
        "rejects": rejects,
        "reasons": list(reasons.items()),
        "others": others,
        "wanted": wanted,
        "after": after,
        "page": page(rejects, wanted, after=-1 if after is None else after, limit=REJECTS)
        if rejects
        else None,
    }
    return render(request, "curation/source_errors.html", context)


def _imported(request: ProjectRequest, source: Source) -> Version | None:
    """The version that is asked about, else the newest."""
    found = versions_of(source).filter(purged=None)
    if "version" not in request.GET:
        return found.first()
    version = found.filter(number=number(request.GET["version"]) or 0).first()
    if version is None:
        raise Http404
    return version
