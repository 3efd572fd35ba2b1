from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Router, Schema
from ninja.pagination import paginate

from curation.access import Role, project_for
from curation.api.terms import Key, Name, Pages, Started, Text, started
from curation.engine.errors import BadInput
from curation.engine.mixing import Recipe, parse
from curation.gates import readiness
from curation.models import Mixture, Version
from curation.questions.mixers import mixer_config, mixture_version, read_mixer
from curation.questions.mixture_differences import compared, mixture_difference, told
from curation.questions.refreshing import newest_flow
from curation.questions.totals import Asked, Line, totals
from curation.tasks.counting import start_count
from curation.tasks.mixing import define_mixture, start_mix
from curation.tasks.refreshing import start_refresh

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


class PartOut(Schema):
    name: str = Field(description="the stratum; empty for the rows that are in none")
    available: int
    rows: int
    tokens: int | None


class LineOut(Schema):
    dataset: str
    version: str | None
    rows: int | None = None
    available: int | None = None
    share: float | None = None
    repeats: float | None = None
    capped: bool = False
    floored: bool = False
    asked: int | None = Field(None, description="without the cap or the floor that decided, in `unit`")
    left_out: int = Field(0, description="rows left out as duplicates of rows kept")
    strata: list[PartOut] = []
    unit: str = Field(description="rows or tokens: what the component is asked for in")
    characters: int | None = Field(description="about; none until the version is profiled")
    tokens: int | None
    licences: list[str]
    error: str


class TotalsOut(Schema):
    rows: int
    characters: int | None
    tokens: int | None
    licence: str = Field(description="what the whole inherits, as an id of the Hub")
    licence_because: str
    licence_conflicts: list[str] = Field(description="licences that cannot be had at once")
    tokenizer: str
    left_out: int
    lines: list[LineOut]
    error: str
    in_the_way: list[str]


class StepOut(Schema):
    run: int
    kind: str
    subject: str
    made: str | None
    newer: str | None


class MixerIn(Schema):
    list: Text = Field(description="what open-instruct is given: names and amounts in turn")


class TokensIn(Schema):
    tokenizer: Text = Field(description="a name below WINNOW_TOKENIZERS")


class MixerOut(Schema):
    components: list[dict[str, Any]]
    missing: list[str]
    notes: list[str]


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
    size = {name: getattr(counted, name) for name in ("rows", "characters", "tokens", "left_out", "error")}
    verdict = counted.verdict
    said = {
        "licence": counted.licence,
        "licence_because": verdict.because,
        "tokenizer": counted.asked.tokenizer,
    }
    in_the_way = [str(obstacle) for obstacle in counted.obstacles]
    lines, conflicts = [_line(line) for line in counted.lines], list(verdict.conflicts)
    return {**size, **said, "licence_conflicts": conflicts, "lines": lines, "in_the_way": in_the_way}


def _line(line: Line) -> dict[str, Any]:
    names = ("rows", "available", "share", "repeats", "capped", "floored", "asked", "left_out", "strata")
    share = {name: getattr(line.share, name) for name in names} if line.share else {}
    told = ("dataset", "unit", "characters", "tokens", "licences", "error")
    version = str(line.version) if line.version else None
    return {"version": version, **share, **{name: getattr(line, name) for name in told}}


@router.post("/projects/{project}/mixer-list", response=MixerOut)
def read_a_mixer_list(request: HttpRequest, project: Name, body: MixerIn) -> Any:
    """What a `--dataset_mixer_list` means here, as components of a recipe; nothing is kept."""
    found = read_mixer(project_for(request, project), body.list)
    known = [entry for entry in found.entries if entry.name in found.datasets]
    components = [entry.plain(found.datasets[entry.name]) for entry in known]
    return {"components": components, "missing": found.missing, "notes": found.notes}


@router.get("/projects/{project}/mixtures/{name}/mixer-list", response=dict[str, str])
def write_a_mixer_list(request: HttpRequest, project: Name, name: Name) -> Any:
    """The newest version of a mixture as open-instruct takes it."""
    mixture = _mixture(request, project, name)
    version = mixture_version(mixture.project, name)
    if version is None:
        raise BadInput(f"{name} is not built yet; build it first.")
    return {"version": str(version), "text": mixer_config(mixture, version)}


@router.get("/projects/{project}/mixtures/{name}/diff", response=dict[str, Any])
def diff_mixtures(request: HttpRequest, project: Name, name: Name, of: Text = "", against: Text = "") -> Any:
    """
    A version of a mixture (`of`, the newest unless given) against another mixture or version (`against`, the one before
    it unless given).
    """
    own = _mixture(request, project, name).project
    return told(mixture_difference(*compared(own, of or name, against)))


@router.get("/projects/{project}/mixtures/{name}/refresh", response=list[StepOut])
def get_flow(request: HttpRequest, project: Name, name: Name) -> Any:
    """The runs that a refresh would repeat, in their order, and what sources were imported as since."""
    _, steps = newest_flow(_mixture(request, project, name).project, name)
    return [
        {
            "run": step.run.pk,
            "kind": step.run.kind,
            "subject": step.run.subject,
            "made": str(step.made) if step.made else None,
            "newer": str(step.newer) if step.newer else None,
        }
        for step in steps
    ]


@router.post("/projects/{project}/mixtures/{name}/refresh", response={202: Started})
def refresh_mixture(request: HttpRequest, project: Name, name: Name) -> Any:
    """Run the whole flow of a mixture again on the newest rows of its sources; the answer names the run."""
    own = _mixture(request, project, name, Role.CURATOR).project
    return started(start_refresh(own, name, user=request.user))


@router.post("/projects/{project}/datasets/{name}/{number}/tokens", response={202: Started})
def count_tokens(request: HttpRequest, project: Name, name: Name, number: Key, body: TokensIn) -> Any:
    """Start counting the tokens of a version by a tokenizer; the answer names the run."""
    own = project_for(request, project, Role.CURATOR)
    version = Version.objects.named(own, f"{name}@{number}")
    return started(start_count(version, body.tokenizer, user=request.user))


@router.post("/projects/{project}/mixtures/{name}/build", response={202: Started})
def build_mixture(request: HttpRequest, project: Name, name: Name) -> Any:
    """Start building the recipe as it stands; the answer names the run."""
    mixture = _mixture(request, project, name, Role.CURATOR)
    return started(start_mix(mixture.project, mixture.asked, user=request.user))
