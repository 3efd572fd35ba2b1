"""Published recipes: what they are made of, what of them is here, and a mixture to begin with."""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from curation.access import ProjectRequest, viewing
from curation.catalogue import recipe, recipes
from curation.engine.mixing import dump
from curation.questions.recipes import drafted


@require_GET
@viewing
def published(request: ProjectRequest) -> HttpResponse:
    return render(request, "curation/recipes.html", {"recipes": recipes()})


@require_GET
@viewing
def published_recipe(request: ProjectRequest, name: str) -> HttpResponse:
    """One of them, line by line; `mixture-new?recipe=` goes on with what is here."""
    found = recipe(name)
    if found is None:
        raise Http404(f"There is no published recipe {name}.")
    draft = drafted(request.project, found)
    context = {
        "published": found,
        "draft": draft,
        "here": {one.line.name: one for one in draft.found},
        "yaml": dump(draft.recipe) if draft.recipe else "",
    }
    return render(request, "curation/recipe.html", context)
