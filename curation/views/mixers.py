"""What is done with mixtures beside building them: comparing, running the flow again, mixer lists of open-instruct."""

from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from curation.access import ProjectRequest, curating, viewing
from curation.asked import plain
from curation.engine.errors import DataError, Refused
from curation.forms.mixtures import Draft
from curation.models import Kind, Mixture, Version
from curation.questions.mixers import mixer_config, mixture_version, read_mixer
from curation.questions.mixture_differences import before, compared, mixture_difference
from curation.questions.refreshing import newest_flow
from curation.tasks.refreshing import start_refresh
from curation.views.mixtures import editor

MOST = 200


@require_GET
@viewing
def mixture_diff(request: ProjectRequest, name: str) -> HttpResponse:
    """
    A version of a mixture (`of`, the newest unless given) against one of it or of another (`with`, the one before `of`
    unless given).
    """
    mixture = get_object_or_404(request.project.mixtures.select_related("project"), name=name)
    live = Version.objects.live().filter(dataset__project=request.project, dataset__kind=Kind.MIXTURE)
    own_first = live.annotate(own=Q(dataset__name=name)).order_by("-own", "dataset__name", "-number")
    versions = list(own_first.select_related("dataset")[:MOST])
    of, against = (plain(request.GET.get(key)) for key in ("of", "with"))
    context: dict[str, Any] = {"mixture": mixture, "versions": versions, "of": of, "against": against}
    newest = mixture_version(request.project, name)
    if not (of or against) and (newest is None or before(newest) is None):
        return render(request, "curation/mixture_diff.html", context)
    try:
        here, there = compared(request.project, of or name, against)
        context |= {"of": str(here), "against": str(there), "found": mixture_difference(here, there)}
        context["versions"] = list(dict.fromkeys([*versions, here, there]))
    except DataError as error:
        context["error"] = str(error)
    return render(request, "curation/mixture_diff.html", context, status=422 if "error" in context else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@curating
def mixture_refresh(request: ProjectRequest, name: str) -> HttpResponse:
    """The flow that the mixture came of, and the button that runs all of it again."""
    mixture = get_object_or_404(request.project.mixtures.select_related("project"), name=name)
    if request.method == "POST":
        return redirect(start_refresh(request.project, name, user=request.user))
    context: dict[str, Any] = {"mixture": mixture}
    try:
        version, steps = newest_flow(request.project, name)
        context |= {"version": version, "steps": steps, "newer": any(step.newer for step in steps)}
    except DataError as error:
        context["refused"] = str(error)
    return render(request, "curation/mixture_refresh.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@curating
def mixer_import(request: ProjectRequest) -> HttpResponse:
    """Paste a mixer list; what it says comes up in the editor, where nothing is kept until it is saved."""
    text = request.POST.get("list", "")
    if request.method != "POST":
        return render(request, "curation/mixer_import.html", {"text": ""})
    try:
        found = read_mixer(request.project, text)
    except DataError as error:
        context = {"text": text, "error": str(error)}
        return render(request, "curation/mixer_import.html", context, status=422)
    return editor(request, None, Draft.of_mixer(found))


@require_GET
@viewing
def mixer_export(request: ProjectRequest, name: str) -> HttpResponse:
    """The mixer list of the newest version, as a text file."""
    mixture: Mixture = get_object_or_404(request.project.mixtures, name=name)
    version = mixture_version(request.project, name)
    if version is None:
        raise Refused(f"{mixture} is not built yet; build it, and its mixer list says how many rows that is.")
    answer = HttpResponse(mixer_config(mixture, version), content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = (
        f'attachment; filename="{version.dataset.name}-{version.number}.mixer.txt"'
    )
    return answer
