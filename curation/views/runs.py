from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from curation import jobs
from curation.access import ProjectRequest, curating, viewing
from curation.asked import number, plain
from curation.engine.errors import Refused
from curation.models import Line, Part, Run, Worker
from curation.paging import page_of
from curation.questions.comparing import in_words, previous, side_by_side
from curation.questions.headlines import heading, headline, took
from curation.questions.watching import MANY_PARTS, StageLine, Standing, samples, stages, standings

PAGE = 50
LOG_LINES = 200


@dataclass(frozen=True, slots=True)
class Row:
    """A run in a list, with where it stands while it is under way."""

    run: Run
    standing: Standing | None

    @property
    def took(self) -> str:
        return took(self.run)


@require_GET
@viewing
def runs(request: ProjectRequest) -> HttpResponse:
    """What ran, the newest first. A poll asks for the cells of the runs that were under way when the page was made."""
    if request.htmx and "live" in request.GET:
        return render(request, "curation/_runs_live.html", live(request))
    asked = {name: plain(request.GET.get(name)) for name in ("kind", "state", "subject")}
    page = page_of(_filtered(request, asked), request.GET, PAGE)
    rows = rows_of(page.items)
    kinds = request.project.runs.order_by("kind").values_list("kind", flat=True).distinct()
    context = {
        "page": page,
        "rows": rows,
        "kinds": list(kinds),
        "states": Run.Status.values,
        "asked": asked,
        "filtered": any(asked.values()),
        "query": urlencode({name: value for name, value in asked.items() if value}),
        "watched": watched(rows),
    }
    return render(request, "curation/runs.html", context)


def _filtered(request: ProjectRequest, asked: dict[str, str]) -> QuerySet[Run]:
    found = request.project.runs.select_related("user")
    if asked["kind"]:
        found = found.filter(kind=asked["kind"][:50])
    if asked["state"] == "active":
        found = found.active()
    elif asked["state"]:
        found = found.filter(status=asked["state"][:10])
    if asked["subject"]:
        found = found.filter(subject__icontains=asked["subject"][:200])
    return found


def rows_of(found: list[Run]) -> list[Row]:
    """Runs with their standing; one query for those under way, whatever their number."""
    active = standings([run for run in found if not run.over])
    return [Row(run, active.get(run.pk)) for run in found]


def watched(rows: list[Row]) -> str:
    """The runs that a page polls for, as it names them in its query."""
    return ",".join(str(row.run.pk) for row in rows if not row.run.over)


def live(request: ProjectRequest) -> dict[str, Any]:
    """How the runs stand that a page was watching, and which of them it has to go on watching."""
    wanted = [int(text) for text in request.GET.get("live", "").split(",")[:200] if number(text)]
    rows = rows_of(list(request.project.runs.filter(pk__in=wanted).select_related("user").order_by("-pk")))
    return {"rows": rows, "watched": watched(rows), "oob": True}


def _found(request: ProjectRequest, pk: int) -> Run:
    run = get_object_or_404(request.project.runs.select_related("user"), pk=pk)
    run.project = request.project
    return run


@require_GET
@viewing
def run(request: ProjectRequest, pk: int) -> HttpResponse:
    run = _found(request, pk)
    return render(request, "curation/run.html", _state(request, run) | _results(run) | _beside(request, run))


@require_GET
@viewing
def run_progress(request: ProjectRequest, pk: int) -> HttpResponse:
    """What changes on the page of a run, each piece in its place; the last one asks no more."""
    run = _found(request, pk)
    if not request.htmx:
        return redirect(run)
    context = _state(request, run) | {"oob": True}
    context["turned"] = request.GET.get("seen") != run.status
    context["spoken"] = request.GET.get("line") != context["last_line"]
    if context["turned"]:
        context |= _results(run)
    return render(request, "curation/_run_progress.html", context)


def _state(request: ProjectRequest, run: Run) -> dict[str, Any]:
    """How far it is."""
    edges = list(run.run_inputs.select_related("version__dataset").order_by("role", "position"))
    outputs = list(run.outputs.select_related("dataset").order_by("pk"))
    for version in (*outputs, *(edge.version for edge in edges)):
        version.dataset.project = run.project
    lines = stages(run)
    log = Line.objects.tail(run, LOG_LINES)
    stage = _stage(request, run, lines)
    present = lines[run.stage].standing if run.stage < len(lines) else Standing()
    return {
        "run": run,
        "heading": heading(run, edges),
        "headline": headline(run, lines, outputs),
        "took": took(run),
        "present": present,
        "workers": len(Worker.objects.serving(run.queue)) if run.status in Run.ACTIVE else 0,
        "stages": lines,
        "shown": lines[stage] if stage < len(lines) else None,
        "slices": list(run.parts.filter(stage=stage).order_by("index").defer("result", "spec")[:MANY_PARTS]),
        "restless": _restless(run),
        "log": log,
        "last_line": str(log[-1].pk) if log else "",
        "edges": edges,
        "outputs": outputs,
    }


def _stage(request: ProjectRequest, run: Run, lines: list[StageLine]) -> int:
    """The stage whose parts are drawn: the one asked for, the present one, and of a run that is done the widest."""
    asked = number(request.GET.get("stage", ""))
    if asked is not None and asked < len(lines):
        return asked
    if run.status == Run.Status.DONE and lines:
        return max(lines, key=lambda line: line.standing.parts).number
    return run.stage


def _restless(run: Run) -> list[Part]:
    """Parts that failed, were tried again or are under way: what a person looks at."""
    unsettled = Q(status__in=(Part.Status.FAILED, Part.Status.RUNNING)) | Q(
        status=Part.Status.OPEN, tries__gt=0
    )
    parts = list(
        run.parts.filter(unsettled).order_by("status", "stage", "index").defer("result", "spec")[:50]
    )
    _name(run, parts)
    return sorted(parts, key=lambda part: part.status != Part.Status.FAILED)


def _name(run: Run, parts: list[Part]) -> None:
    names = [stage.name for stage in jobs.JOBS[run.kind].stages] if run.kind in jobs.JOBS else []
    for part in parts:
        part.stage_name = names[part.stage] if part.stage < len(names) else str(part.stage + 1)


def _results(run: Run) -> dict[str, Any]:
    """What it came to, as far as it has."""
    outputs = run.outputs.select_related("dataset__project").order_by("pk")
    return {
        "samples": samples(outputs) if run.status == Run.Status.DONE else [],
        "checks": list(run.checks.select_related("version__dataset__project")),
        "summary": in_words(run.summary),
    }


def _beside(request: ProjectRequest, run: Run) -> dict[str, Any]:
    """Its config, and the run to compare it with: the one before, or the one that `with` names."""
    asked = number(request.GET.get("with", ""))
    other = request.project.runs.filter(pk=asked).first() if asked else previous(run)
    if asked and other is None:
        raise Http404
    configs = side_by_side(run.config, other.config) if other else []
    summaries = side_by_side(run.summary, other.summary) if other else []
    return {
        "config": in_words(run.config),
        "other": other,
        "configs": configs,
        "summaries": summaries,
        "config_changes": sum(line.changed for line in configs),
        "summary_changes": sum(line.changed for line in summaries),
        "same": [line for line in (*configs, *summaries) if not line.changed],
        "others": list(request.project.runs.filter(kind=run.kind).exclude(pk=run.pk).order_by("-pk")[:20]),
    }


@require_GET
@viewing
def run_parts(request: ProjectRequest, pk: int) -> HttpResponse:
    """All parts of a run, paged by their place; `stage` and `state` narrow it down."""
    run = _found(request, pk)
    stage, state = number(request.GET.get("stage", "")), plain(request.GET.get("state"))[:10]
    start = number(request.GET.get("from", "")) or 0
    found = run.parts.order_by("stage", "index").defer("result", "spec")
    if stage is not None:
        found = found.filter(stage=stage, index__gte=start)
    if state:
        found = found.filter(status=state)
    page = page_of(found, request.GET, 100, rising=True)
    _name(run, page.items)
    kept = {"stage": request.GET.get("stage"), "state": state, "from": request.GET.get("from")}
    context = {
        "run": run,
        "page": page,
        "stages": stages(run),
        "stage": stage,
        "state": state,
        "counts": _counts(run),
        "query": urlencode({name: value for name, value in kept.items() if value}),
    }
    return render(request, "curation/run_parts.html", context)


def _counts(run: Run) -> list[tuple[str, int]]:
    return list(run.parts.order_by("status").values_list("status").annotate(Count("pk")))


@require_POST
@curating
def turn_run(request: ProjectRequest, pk: int, verb: str) -> HttpResponse:
    """Cancel, pause or resume; what cannot be turned any more is told so."""
    run = _found(request, pk)
    if verb not in jobs.VERBS:
        raise Http404
    try:
        jobs.turn(run, verb, by=request.user)
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect(run)
