from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from curation.access import ProjectRequest, curating, viewing
from curation.asked import number, plain
from curation.engine.errors import DataError
from curation.models import Run
from curation.paging import page_of
from decontam.forms.rules import RuleForm
from decontam.models import Rule
from decontam.questions import reviews
from decontam.questions.proposals import Proposal, propose
from decontam.questions.rules import newest_scans, reaches
from decontam.views.review import finished_scan

RULES = 50


@require_GET
@viewing
def rules(request: ProjectRequest) -> HttpResponse:
    """The rules of the project, and what each clears in the newest scans."""
    found = Rule.objects.filter(project=request.project).select_related("by")
    page = page_of(found, request.GET, RULES)
    context = {
        "page": page,
        "reaches": reaches(request.project, page.items),
        "scans": newest_scans(request.project),
    }
    return render(request, "decontam/rules.html", context)


@require_http_methods(["GET", "POST"])
@curating
def rule_new(request: ProjectRequest, pk: int) -> HttpResponse:
    """Make a rule of a pair: what it is to hold for, and what it would come to in this scan."""
    scan = finished_scan(request, pk)
    said = request.POST if request.method == "POST" else request.GET
    match = reviews.at(scan, number(said.get("seq", "")) or 1)
    form = RuleForm(match, scan.subject, {name: plain(str(text)) for name, text in said.items()})
    proposal, sentence = _proposed(scan, form)
    if request.method == "POST" and proposal:
        rule = Rule.objects.make(request.project, proposal.config, by=request.user)
        messages.success(request, f"{str(rule).capitalize()} holds from now on. {proposal.said}")
        return redirect("rules", request.project.name)
    context = {"scan": scan, "match": match, "form": form, "proposal": proposal, "sentence": sentence}
    return render(request, "decontam/rule_new.html", context, status=422 if sentence else 200)


def _proposed(scan: Run, form: RuleForm) -> tuple[Proposal | None, str]:
    """What the rule of a form would come to, or why there cannot be such a rule."""
    try:
        return propose(scan, form.config()), ""
    except DataError as error:
        return None, str(error)


@require_POST
@curating
def turn_rule(request: ProjectRequest, pk: int) -> HttpResponse:
    """Take a rule out of force, or put it into force again."""
    rule: Any = get_object_or_404(Rule, project=request.project, pk=pk)
    rule.turn(active=request.POST.get("active") == "1", by=request.user)
    return redirect("rules", request.project.name)
