from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from curation.access import ProjectRequest, curating, viewing
from curation.engine.errors import DataError
from curation.models import Run
from decontam.forms.policies import ApplyForm, PolicyForm
from decontam.models import Policy
from decontam.questions import reviews
from decontam.tasks.applying import start_apply
from decontam.views.review import finished_scan


@require_GET
@viewing
def apply_preview(request: ProjectRequest, pk: int) -> HttpResponse:
    """What would go under a policy with the rulings as they are, before anything goes."""
    scan = finished_scan(request, pk)
    return render(request, "decontam/apply.html", _applying(scan, request.GET))


def _applying(scan: Run, said: Any) -> dict[str, Any]:
    form = ApplyForm(Policy.objects.config(scan.project), said if "policy" in said else None)
    preview, sentence = None, ""
    try:
        preview = reviews.preview(scan, form.config())
    except DataError as error:
        sentence = str(error)
    training = scan.input("training")
    return {"scan": scan, "training": training, "form": form, "preview": preview, "sentence": sentence}


@require_POST
@curating
def apply(request: ProjectRequest, pk: int) -> HttpResponse:
    """Freeze the rulings and make the clean version; a run does it."""
    scan = finished_scan(request, pk)
    form = ApplyForm(Policy.objects.config(request.project), request.POST)
    try:
        return redirect(start_apply(scan, form.config(), user=request.user))
    except DataError as error:
        context = _applying(scan, request.POST) | {"sentence": str(error)}
        return render(request, "decontam/apply.html", context, status=422)


@require_GET
@viewing
def policy(request: ProjectRequest) -> HttpResponse:
    """What is proposed whenever a scan of this project is applied."""
    form = PolicyForm(Policy.objects.config(request.project))
    return render(request, "decontam/policy.html", _policy(request, form))


@require_POST
@curating
def policy_change(request: ProjectRequest) -> HttpResponse:
    form = PolicyForm(Policy.objects.config(request.project), request.POST)
    try:
        Policy.objects.save_for(request.project, form.config(), by=request.user)
    except DataError as error:
        context = _policy(request, form) | {"sentence": str(error)}
        return render(request, "decontam/policy.html", context, status=422)
    messages.success(request, "Scans that are applied from now on are proposed this.")
    return redirect("policy", request.project)


def _policy(request: ProjectRequest, form: PolicyForm) -> dict[str, Any]:
    saved = Policy.objects.filter(project=request.project).select_related("by").first()
    return {"form": form, "saved": saved}
