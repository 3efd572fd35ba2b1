from dataclasses import dataclass, field
from typing import Any

from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from curation import catalogue
from curation.access import ProjectRequest, curating, viewing
from curation.asked import plain
from curation.engine.errors import BadInput, DataError, Refused
from curation.engine.mixing import Recipe
from curation.forms.components import MODES, STRATUM_MODES, Row
from curation.forms.mixtures import BUDGETS, Draft
from curation.gates import Readiness, readiness
from curation.models import Kind, Mixture, Run, Version
from curation.questions.recipes import drafted
from curation.questions.tokenizers import tokenizers
from curation.questions.totals import Asked, Totals, choices, columns, duplicates, totals
from curation.tasks.counting import start_count, uncounted
from curation.tasks.mixing import define_mixture, start_mix

PAGE = 50
NEWEST = 10


@dataclass
class Entry:
    """A mixture in the list, with what became of it."""

    mixture: Mixture
    version: Version | None
    build: Run | None
    ready: Readiness | None


@require_GET
@viewing
def mixtures(request: ProjectRequest) -> HttpResponse:
    after = plain(request.GET.get("after"))
    found = Mixture.objects.with_state().filter(project=request.project, name__gt=after)
    page = list(found.select_related("project").order_by("name")[: PAGE + 1])
    page, more = page[:PAGE], page[PAGE:]
    context = {"entries": _entries(request, page), "more": page[-1].name if more else ""}
    return render(request, "curation/mixtures.html", context | {"after": after})


def _entries(request: ProjectRequest, page: list[Any]) -> list[Entry]:
    versions = Version.objects.select_related("dataset__project", "run").in_bulk([m.newest for m in page])
    builds = Run.objects.select_related("project").in_bulk([m.last_build for m in page])
    ready = readiness(versions.values(), request.project)
    return [Entry(m, versions.get(m.newest), builds.get(m.last_build), ready.get(m.newest)) for m in page]


@require_http_methods(["GET", "HEAD", "POST"])
@curating
def mixture_new(request: ProjectRequest) -> HttpResponse:
    """Write a recipe; `?dataset=` starts it with one, `?recipe=` with what is here of a published one."""
    published = catalogue.recipe(plain(request.GET.get("recipe")))
    if published and (made := drafted(request.project, published).recipe):
        return _edit(request, None, Draft.of(made))
    return _edit(request, None, Draft(rows=[Row(plain(request.GET.get("dataset")))]))


@require_http_methods(["GET", "HEAD", "POST"])
@curating
def mixture_edit(request: ProjectRequest, name: str) -> HttpResponse:
    mixture = get_object_or_404(request.project.mixtures.select_related("project"), name=name)
    return _edit(request, mixture, Draft.of(mixture.asked))


def _edit(request: ProjectRequest, mixture: Mixture | None, draft: Draft) -> HttpResponse:
    """Show the editor, change its rows, or keep what was written: refused with a sentence, nothing is lost."""
    if request.method != "POST":
        if request.GET.get("as") == "yaml":
            draft.text = draft.yaml()
        return editor(request, mixture, draft)
    draft = Draft.posted(request.POST, mixture.name if mixture else "")
    if draft.change(request.POST):
        return editor(request, mixture, draft)
    if "count_tokens" in request.POST:
        _count_tokens(request, draft)
        return editor(request, mixture, draft)
    try:
        recipe = draft.recipe()
        _require_name(request, mixture, recipe)
        if "build" in request.POST:
            return redirect(start_mix(request.project, recipe, user=request.user))
        return redirect(define_mixture(request.project, recipe, user=request.user))
    except DataError as error:
        draft.error = str(error)
        return editor(request, mixture, draft, status=422)


def _count_tokens(request: ProjectRequest, draft: Draft) -> None:
    """Start counting what the chosen tokenizer has not counted yet; the draft says what was started."""
    asked = draft.asked()
    try:
        waiting = uncounted(list(totals(request.project, asked).uncounted), asked.tokenizer)
        runs = [start_count(version, asked.tokenizer, user=request.user) for version in waiting]
    except DataError as error:
        draft.notes.append(str(error))
        return
    names = ", ".join(str(version) for version in waiting)
    draft.notes.append(
        f"The tokens of {names} are being counted by {asked.tokenizer}."
        if runs
        else "They are being counted already."
    )


def _require_name(request: ProjectRequest, mixture: Mixture | None, recipe: Recipe) -> None:
    if mixture and recipe.name != mixture.name:
        raise BadInput(f"This is the recipe of {mixture}; for {recipe.name} begin a new mixture.")
    if not mixture and request.project.mixtures.filter(name=recipe.name).exists():
        raise Refused(f"There is a mixture {recipe.name} already; edit it, or choose another name.")


def editor(request: ProjectRequest, mixture: Mixture | None, draft: Draft, status: int = 200) -> HttpResponse:
    """The editor of a draft; it posts to the address of the mixture, or to that of a new one."""
    counted = totals(request.project, draft.asked())
    address = reverse("mixture-edit", args=[request.project, mixture]) if mixture else None
    context = {
        "mixture": mixture,
        "address": address or reverse("mixture-new", args=[request.project]),
        "draft": draft,
        "totals": counted,
        "rows": list(zip(draft.rows, counted.lines, strict=False)),
        "choices": _choices(request, draft),
        "modes": MODES,
        "stratum_modes": STRATUM_MODES,
        "budgets": BUDGETS,
        "tokenizers": tokenizers(),
        "duplicates": [str(version) for version in duplicates(request.project)],
        "by": columns(counted),
        "refused": status == 422,
    }
    page = "curation/_mixture_editor.html" if request.htmx else "curation/mixture_form.html"
    return render(request, page, context, status=status)


def _choices(request: ProjectRequest, draft: Draft) -> dict[str, list[str]]:
    """By dataset what may be chosen; what is chosen stays among it, whatever it is."""
    found = {
        name: [name, *(str(version) for version in versions[:NEWEST])]
        for name, versions in choices(request.project).items()
    }
    if not draft.name or draft.name not in {row.dataset.partition("@")[0] for row in draft.rows}:
        found.pop(draft.name, None)
    for row in draft.rows:
        known = found.setdefault(row.dataset.partition("@")[0], []) if row.dataset else [""]
        if row.dataset not in known:
            known.append(row.dataset)
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@viewing
def mixture_totals(request: ProjectRequest) -> HttpResponse:
    """What the recipe in the editor amounts to; nothing is kept."""
    draft = Draft.posted(request.POST if request.method == "POST" else request.GET)
    counted = totals(request.project, draft.asked())
    context = {"draft": draft, "totals": counted, "live": True}
    return render(request, "curation/_mixture_totals.html", context)


@require_POST
@curating
def mixture_build(request: ProjectRequest, name: str) -> HttpResponse:
    mixture: Mixture = get_object_or_404(request.project.mixtures, name=name)
    return redirect(start_mix(request.project, mixture.asked, user=request.user))


@dataclass
class Change:
    """What a component gave in a build and in the one before it; None where it was not part of it."""

    dataset: str
    now: int | None
    before: int | None

    @property
    def more(self) -> int:
        return (self.now or 0) - (self.before or 0)


@dataclass
class Comparison:
    """The last two builds in numbers."""

    version: Version
    before: Version
    changes: list[Change] = field(default_factory=list)

    @property
    def more(self) -> int:
        return self.version.rows - self.before.rows


@require_GET
@viewing
def mixture(request: ProjectRequest, name: str) -> HttpResponse:
    mixture: Mixture = get_object_or_404(request.project.mixtures.select_related("project"), name=name)
    versions = _versions(request, name)
    newest = next((version for version in versions if not version.purged), None)
    builds = request.project.runs.filter(kind="mix", subject=name).select_related("project", "user")
    context = {
        "mixture": mixture,
        "totals": _asked(request, mixture),
        "versions": versions,
        "newest": newest,
        "build": builds.order_by("-pk").first(),
        "ready": readiness([newest], request.project)[newest.pk] if newest else None,
        "exports": mixture.exports.select_related("version__dataset", "by").order_by("-number")[:PAGE],
        "comparison": _compared(versions),
    }
    return render(request, "curation/mixture.html", context)


def _versions(request: ProjectRequest, name: str) -> list[Version]:
    """What the mixture gave, the newest first."""
    found = Version.objects.filter(
        dataset__project=request.project, dataset__name=name, dataset__kind=Kind.MIXTURE
    )
    made_by = Prefetch("run", Run.objects.select_related("project", "user"))
    found = found.select_related("dataset__project").prefetch_related(made_by)
    return list(found.order_by("-number")[:PAGE])


def _asked(request: ProjectRequest, mixture: Mixture) -> Totals:
    """What the recipe would give today."""
    return totals(request.project, Asked.of(mixture.asked))


def _compared(versions: list[Version]) -> Comparison | None:
    """The newest build against the one before it, component by component."""
    if len(versions) < 2:
        return None
    version, before = versions[:2]
    now, then = ({_name(s): s["rows"] for s in one.facts.get("shares", [])} for one in (version, before))
    changes = [Change(name, now.get(name), then.get(name)) for name in dict.fromkeys([*now, *then])]
    return Comparison(version, before, changes)


def _name(share: dict[str, Any]) -> str:
    return str(share["dataset"]).partition("@")[0]
