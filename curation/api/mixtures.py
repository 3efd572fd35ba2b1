from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Router, Schema
from ninja.pagination import paginate

from curation.access import Role, project_for
from curation.api.terms import Name, Pages, Started, started
from curation.engine.errors import BadInput
from curation.engine.mixing import Recipe, parse
from curation.gates import readiness
from curation.models import Mixture, Version
from curation.questions.totals import Asked, totals
from curation.tasks.mixing import define_mixture, start_mix

router = Router(tags=["mixtures"])


class MixtureOut(Schema):
    name: str
    recipe: str
    created: datetime
    newest: str | None = Field(None, description="name@number of the newest version")
    rows: int | None = None
    last_build: int | None = Field(None, description="the run of the last build")
    exports: int

    @staticmethod
    def resolve_newest(mixture: Any) -> str | None:
        return f"{mixture.name}@{mixture.newest_number}" if mixture.newest else None

    @staticmethod
    def resolve_rows(mixture: Any) -> int | None:
        rows: int | None = mixture.newest_rows
        return rows

    @staticmethod
    def resolve_exports(mixture: Any) -> int:
        return int(mixture.published)


class MixtureDetail(MixtureOut):
    in_the_way: list[str] = Field(description="what stands in the way of an export of the newest version")


class RecipeIn(Schema):
    recipe: dict[str, Any] | str = Field(
        description="a recipe as YAML text or as an object: name, seed, components"
    )

    def read(self) -> Recipe:
        return parse(self.recipe) if isinstance(self.recipe, str) else Recipe.of(self.recipe)


class LineOut(Schema):
    dataset: str
    version: str | None
    rows: int | None
    available: int | None
    share: float | None
    repeats: float | None
    capped: bool
    characters: int | None = Field(description="about; none until the version is profiled")
    tokens: int | None
    licences: list[str]
    error: str


class TotalsOut(Schema):
    rows: int
    characters: int | None
    tokens: int | None
    licence: str
    lines: list[LineOut]
    in_the_way: list[str]


def _mixture(request: HttpRequest, project: str, name: str, role: str = Role.VIEWER) -> Mixture:
    found = Mixture.objects.with_state().filter(project=project_for(request, project, role))
    mixture: Mixture = get_object_or_404(found.select_related("project"), name=name)
    return mixture


def _detail(mixture: Any) -> Any:
    version = Version.objects.select_related("dataset__project").filter(pk=mixture.newest).first()
    mixture.in_the_way = []
    if version:
        ready = readiness([version], mixture.project)[version.pk]
        purged = [f"{version} was made of {one}, which was purged" for one in ready.purged]
        mixture.in_the_way = [*purged, *map(str, ready.obstacles)]
    return mixture


@router.get("/projects/{project}/mixtures", response=list[MixtureOut])
@paginate(Pages)
def list_mixtures(request: HttpRequest, project: Name) -> Any:
    """Mixtures by name, each with its recipe and its newest version."""
    found = Mixture.objects.with_state().filter(project=project_for(request, project))
    return found.order_by("name")


@router.get("/projects/{project}/mixtures/{name}", response=MixtureDetail)
def get_mixture(request: HttpRequest, project: Name, name: Name) -> Any:
    """One mixture, with what stands in the way of an export."""
    return _detail(_mixture(request, project, name))


@router.put("/projects/{project}/mixtures/{name}", response=MixtureDetail)
def define_a_mixture(request: HttpRequest, project: Name, name: Name, body: RecipeIn) -> Any:
    """Keep a recipe as a new mixture, or as the next edition of one, without building it."""
    own, recipe = project_for(request, project, Role.CURATOR), body.read()
    if recipe.name != name:
        raise BadInput(f"The recipe is called {recipe.name}; put it under that name, not under {name}.")
    define_mixture(own, recipe, user=request.user)
    return _detail(_mixture(request, project, name))


@router.post("/projects/{project}/mixture-totals", response=TotalsOut)
def count_totals(request: HttpRequest, project: Name, body: RecipeIn) -> Any:
    """What a recipe amounts to, without keeping it; rows that come twice are known only after building."""
    counted = totals(project_for(request, project), Asked.of(body.read()))
    lines = [
        {
            "dataset": line.dataset,
            "version": str(line.version) if line.version else None,
            "rows": line.share.rows if line.share else None,
            "available": line.share.available if line.share else None,
            "share": line.share.share if line.share else None,
            "repeats": line.share.repeats if line.share else None,
            "capped": bool(line.share and line.share.capped),
            "characters": line.characters,
            "tokens": line.tokens,
            "licences": line.licences,
            "error": line.error,
        }
        for line in counted.lines
    ]
    in_the_way = [str(obstacle) for obstacle in counted.obstacles]
    size = {"rows": counted.rows, "characters": counted.characters, "tokens": counted.tokens}
    return {**size, "licence": counted.licence, "lines": lines, "in_the_way": in_the_way}


@router.post("/projects/{project}/mixtures/{name}/build", response={202: Started})
def build_mixture(request: HttpRequest, project: Name, name: Name) -> Any:
    """Start building the recipe as it stands; the answer names the run."""
    mixture = _mixture(request, project, name, Role.CURATOR)
    return started(start_mix(mixture.project, mixture.asked, user=request.user))
