from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from sesame.utils import get_user

from curation import jobs
from curation.engine.errors import Refused
from curation.models import Part, Run


@login_not_required
@never_cache
@require_GET
def login_link(request: HttpRequest) -> HttpResponse:
    """A link from the terminal signs in once."""
    user = get_user(request)
    if user is None:
        return render(request, "registration/link_spent.html", status=403)
    login(request, user, backend="sesame.backends.ModelBackend")
    return redirect("home")


@require_GET
def runs(request: HttpRequest) -> HttpResponse:
    visible = Run.objects.visible_to(request.user).select_related("project", "user").order_by("-pk")
    page = Paginator(visible, 50).get_page(request.GET.get("page"))
    return render(request, "curation/runs.html", {"page": page})


@require_GET
def run(request: HttpRequest, pk: int) -> HttpResponse:
    run = get_object_or_404(Run.objects.visible_to(request.user).select_related("project", "user"), pk=pk)
    return render(
        request,
        "curation/run.html",
        {
            "run": run,
            "progress": run.progress(),
            "steers": Run.objects.run_by(request.user).filter(pk=pk).exists(),
            "inputs": run.run_inputs.select_related("version__dataset").order_by("role", "position"),
            "outputs": run.outputs.select_related("dataset").order_by("pk"),
            "parts": _parts(run),
            "checks": run.checks.select_related("version__dataset"),
        },
    )


def _parts(run: Run) -> list[Part]:
    """The first 200 parts, with the names of their stages."""
    names = [stage.name for stage in jobs.JOBS[run.kind].stages] if run.kind in jobs.JOBS else []
    parts = list(run.parts.order_by("stage", "index")[:200])
    for part in parts:
        part.stage_name = names[part.stage] if part.stage < len(names) else str(part.stage)
    return parts


@require_POST
def turn_run(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Cancel, pause or resume; what is over already stays as it is."""
    run = get_object_or_404(Run.objects.run_by(request.user), pk=pk)
    turns: dict[str, Callable[..., bool]] = {
        "cancel": run.cancel,
        "pause": run.pause,
        "resume": partial(jobs.resume, run),
    }
    if verb not in turns:
        raise Http404
    try:
        turns[verb](by=request.user)
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect(run)
