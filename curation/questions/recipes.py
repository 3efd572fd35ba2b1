"""What of a published recipe a project has, the mixture that this makes, and what is missing."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from curation.catalogue import Line, Published, plain
from curation.engine.mixing import Component, Recipe
from curation.models import Kind, Project, RunInput, Source, Version

SEED = 1
CLEANED = {
    "clean": "training",
    "deduplicated": "versions",
}  # by role of what a run made, the role of what it read


@dataclass(frozen=True, slots=True)
class Found:
    """A line of the recipe, the version that stands for it, and the rows that it gives of those that are wanted."""

    line: Line
    version: Version
    rows: int

    @property
    def short(self) -> int:
        """How many rows fewer than the recipe asks for."""
        return max(0, (self.line.rows or 0) - self.rows)


@dataclass(frozen=True, slots=True)
class Drafted:
    """`recipe` is None where nothing of it is here."""

    published: Published
    found: tuple[Found, ...]
    missing: tuple[Line, ...]
    recipe: Recipe | None

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.found)


def drafted(project: Project, published: Published) -> Drafted:
    """
    Each line by the newest rows of the source with its Hub id or its name, cleaned ones before raw ones. Where the
    project has none of the lines but the whole mixture as one source, that is taken.
    """
    here = _here(project)
    found = [
        Found(line, version, _given(line, version))
        for line in published.lines
        if (version := _of(line, here))
    ]
    if not found and (whole := _of(published.whole, here)):
        found = [Found(published.whole, whole, whole.rows)]
        return Drafted(published, tuple(found), (), _recipe(published, found))
    missing = tuple(line for line in published.lines if line not in [one.line for one in found])
    return Drafted(published, tuple(found), missing, _recipe(published, found) if found else None)


def _here(project: Project) -> dict[str, Version]:
    """The newest rows of every training source, by each name that it goes by."""
    sources = Source.objects.filter(project=project, split_role=Source.SplitRole.TRAIN).order_by("-pk")
    own = Version.objects.live().filter(dataset__project=project, dataset__kind=Kind.RECORDS)
    versions = list(own.select_related("dataset__source").order_by("pk"))
    raw = {one.dataset.source_id: one for one in versions if one.dataset.source_id}
    cleaned = _cleaned(project, versions)
    newest = {source: _followed(one, cleaned) for source, one in raw.items()}
    return {name: newest[source.pk] for source in sources if source.pk in newest for name in _names(source)}


def _cleaned(project: Project, versions: list[Version]) -> dict[int, Version]:
    """By the key of a version the last of `versions` that a run cleaned of it alone; what was set apart is none."""
    roles = {"run__outputs__role__in": CLEANED.keys(), "role__in": CLEANED.values()}
    edges = RunInput.objects.filter(run__project=project, **roles).values_list("run", "version")
    read = defaultdict(list)
    for run, version in edges:
        read[run].append(version)
    made = [one for one in versions if one.role in CLEANED and len(read[one.run_id]) == 1]
    return {read[one.run_id][0]: one for one in made}


def _followed(version: Version, cleaned: Mapping[int, Version]) -> Version:
    """What was cleaned of a version, and of that again."""
    while later := cleaned.get(version.pk):
        version = later
    return version


def _names(source: Source) -> Iterator[str]:
    yield plain(source.name)
    if source.kind == Source.Location.HUB:
        yield plain(source.location)


def _of(line: Line, here: Mapping[str, Version]) -> Version | None:
    """By the id before the name: two sources of one name are different things more often."""
    exact = [plain(one) for one in (line.hub, *line.also) if one]
    return next((here[name] for name in (*exact, *sorted(line.known_as)) if name in here), None)


def _given(line: Line, version: Version) -> int:
    return version.rows if line.rows is None else min(line.rows, version.rows)


def _recipe(published: Published, found: list[Found]) -> Recipe:
    """One component a dataset: lines that one dataset stands for ask for their rows together."""
    asked: dict[str, int] = {}
    for one in found:
        name = one.version.dataset.name
        asked[name] = min(asked.get(name, 0) + one.rows, one.version.rows)
    return Recipe(published.name, SEED, tuple(Component(name, rows=rows) for name, rows in asked.items()))
