from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from curation.access import ProjectRequest, curating, viewing
from curation.engine.errors import DataError
from curation.models import Check, Run
from curation.questions.comparing import in_words
from decontam.engine.report import CONTAMINATED_ABOVE, METHODS
from decontam.forms.scans import ScanForm
from decontam.forms.verdicts import VerdictForm
from decontam.questions import reviews
from decontam.questions.agreements import agreement_of, several_reviewers
from decontam.questions.certificates import certificates, in_full
from decontam.questions.credits import credits_of
from decontam.questions.overlap import overlap as compared
from decontam.questions.verdicts import asked
from decontam.tasks.rescanning import rescan_benchmark, start_rescan


@require_GET
@viewing
def overlap(request: ProjectRequest) -> HttpResponse:
    """Every dataset × every benchmark, with both denominators."""
    found = compared(request.project)
    scans = request.project.runs.filter(kind="scan").select_related("user").order_by("-pk")[:10]
    show = "counts" if request.GET.get("show") == "counts" else "shares"
    context = {"overlap": found, "scans": list(scans), "show": show, "line": CONTAMINATED_ABOVE}
    return render(request, "decontam/overlap.html", context)


@require_http_methods(["GET", "POST"])
@curating
def scan_new(request: ProjectRequest) -> HttpResponse:
    """Choose what is compared with what; the scan itself is a run."""
    form = ScanForm(request.project, request.POST or None, initial=_asked_for(request))
    if request.method == "POST" and form.is_valid():
        try:
            return redirect(form.start(request.user))
        except DataError as error:
            form.add_error(None, str(error))
    return render(request, "decontam/scan_new.html", {"form": form}, status=422 if form.errors else 200)


def _asked_for(request: ProjectRequest) -> dict[str, object]:
    """A link may name the version and the benchmarks."""
    asked: dict[str, object] = {}
    if training := request.GET.get("training"):
        asked["training"] = training
    if benchmarks := request.GET.getlist("benchmarks"):
        asked["benchmarks"] = benchmarks
    return asked


@require_GET
@viewing
def scan(request: ProjectRequest, pk: int) -> HttpResponse:
    """What one scan found, benchmark by benchmark, and what was made of it since."""
    run = get_object_or_404(request.project.runs.select_related("project", "user"), kind="scan", pk=pk)
    if run.status != Run.Status.DONE:
        return redirect(run)
    training, lines = run.input("training"), run.summary["lines"]
    applied = Run.objects.filter(kind="apply", inputs=run.output("matches")).order_by("-pk")
    context = {
        "run": run,
        "training": training,
        "lines": lines,
        "hit": sum(1 for line in lines if line["items_hit"]),
        "checks": run.checks.all(),
        "applied": list(applied.select_related("project", "user")[:20]),
        "earlier": _earlier(run, training.dataset_id),
        "asked": asked(run),
        "ask": VerdictForm(run),
        "tally": reviews.counts(run),
        "counted": reviews.counted(run),
        "credits": credits_of(run),
        "agreement": agreement_of(run) if several_reviewers(request.project) else None,
        "suppressions": reviews.suppressions(run),
    }
    return render(request, "decontam/scan.html", context)


def _earlier(run: Run, dataset: int) -> list[Run]:
    """Other finished scans of the same dataset."""
    same = Run.objects.filter(kind="scan", status=Run.Status.DONE, inputs__dataset=dataset).exclude(pk=run.pk)
    return list(same.filter(project=run.project).distinct().order_by("-pk")[:10])


@require_POST
@curating
def rescan(request: ProjectRequest, pk: int) -> HttpResponse:
    """The same rows against the newest versions of the same benchmarks; only new items are matched."""
    return redirect(
        start_rescan(get_object_or_404(request.project.runs, kind="scan", pk=pk), user=request.user)
    )


@require_POST
@curating
def rescan_of_benchmark(request: ProjectRequest, name: str) -> HttpResponse:
    """Every scan that a new version of a benchmark has outdated, once more."""
    runs = rescan_benchmark(request.project, name, user=request.user)
    return redirect(runs[0]) if len(runs) == 1 else redirect("runs", request.project)


@require_GET
@viewing
def certificate(request: ProjectRequest, pk: int) -> HttpResponse:
    """What can be said of a version, what cannot, and the command that finds it out again."""
    check = _check(request, pk)
    counts, found = dict(check.detail.get("counts", {})), check.detail.get("by_method", {})
    by_benchmark, gone = (counts.pop(name, None) for name in ("by_benchmark", "rows_removed_by_benchmark"))
    context = {
        "check": check,
        "counts": in_words(counts),
        "struck": by_benchmark,
        "gone": gone or {},
        "by_method": [(name, found[name]) for name in METHODS if name in found],
        "config": in_words(check.detail.get("config", {})),
        "removed": check.run.outputs.filter(role="removed").select_related("dataset__project").first(),
    }
    return render(request, "decontam/certificate.html", context)


@require_GET
@viewing
def certificate_json(request: ProjectRequest, pk: int) -> HttpResponse:
    check = _check(request, pk)
    named = f"{check.version.dataset.name}-{check.version.number}-certificate.json"
    told = JsonResponse(in_full(check), json_dumps_params={"indent": 2, "ensure_ascii": False})
    told["Content-Disposition"] = f'attachment; filename="{named}"'
    return told


def _check(request: ProjectRequest, pk: int) -> Check:
    return get_object_or_404(certificates(request.project), pk=pk)
