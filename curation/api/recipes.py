from typing import Any

from django.http import Http404, HttpRequest
from ninja import Field, Router, Schema

from curation.access import project_for
from curation.api.terms import Name
from curation.catalogue import recipe, recipes
from curation.engine.mixing import dump
from curation.questions.recipes import drafted

router = Router(tags=["recipes"])


class PublishedOut(Schema):
    name: str
    title: str
    stage: str
    about: str
    hub: str
    licence: str = Field(description="what the whole was published under")
    rows: int | None


class LineOut(Schema):
    name: str
    title: str
    hub: str
    licence: str = Field(description="empty where no source says it")
    rows: int | None
    source: str = Field(description="the address that says so")


class FoundOut(Schema):
    line: str
    version: str
    rows: int
    short: int = Field(description="rows fewer than the recipe asks for")


class DraftOut(Schema):
    published: PublishedOut
    inherits: str = Field(description="the licence that the lines add up to, and why")
    open: list[str] = Field(description="what was not found in a source or does not add up")
    lines: list[LineOut]
    found: list[FoundOut]
    missing: list[str]
    recipe: str | None = Field(description="a mixture of what is here, as YAML; none where nothing is")


@router.get("/projects/{project}/recipes", response=list[PublishedOut])
def list_recipes(request: HttpRequest, project: Name) -> Any:
    """Recipes that were published with their models."""
    project_for(request, project)
    return recipes()


@router.get("/projects/{project}/recipes/{name}", response=DraftOut)
def get_recipe(request: HttpRequest, project: Name, name: Name) -> dict[str, Any]:
    """One published recipe, what of it the project has, and a mixture to begin with; nothing is kept."""
    own, found = project_for(request, project), recipe(name)
    if found is None:
        raise Http404(f"There is no published recipe {name}.")
    draft = drafted(own, found)
    return {
        "published": found,
        "inherits": found.verdict.why,
        "open": list(found.open),
        "lines": found.lines,
        "found": [
            {"line": one.line.name, "version": str(one.version), "rows": one.rows, "short": one.short}
            for one in draft.found
        ],
        "missing": [line.name for line in draft.missing],
        "recipe": dump(draft.recipe) if draft.recipe else None,
    }
