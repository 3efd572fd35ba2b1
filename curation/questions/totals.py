"""What a recipe would amount to before it is built: rows, shares, licences, and what stands in the way of an export."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from curation.engine.errors import DataError
from curation.engine.licences import Claim, Verdict, inherit
from curation.engine.mixing import (
    ATTRIBUTE_NAMES,
    BYTES,
    Component,
    Gone,
    Recipe,
    Share,
    Stock,
    amounts,
    share_of,
    weighed,
)
from curation.gates import Lineage, Obstacle, readiness
from curation.models import Kind, Project, Source, Version
from curation.questions.pools import MIXABLE, Pool, duplicates_named, measures_of, not_mixable

MEASURED = ("chars", "tokens")
COMMON = ("source", "language", "tokens", "turns")
MOST_DUPLICATES = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """A recipe that may be unfinished: a text instead of a component is what is wrong with it already."""

    components: Sequence[Component | str]
    rows: int | None = None
    tokens: int | None = None
    tokenizer: str = BYTES
    dedupe: str | None = None
    error: str = ""

    @classmethod
    def of(cls, recipe: Recipe) -> "Asked":
        return cls(recipe.components, recipe.rows, recipe.tokens, recipe.tokenizer, recipe.dedupe)

    def recipe(self, components: Iterable[Component]) -> Recipe:
        """Of some of the components; BadConfig with what is wrong with them together."""
        return Recipe("draft", 0, tuple(components), self.rows, self.tokens, self.tokenizer, self.dedupe)


@dataclass(frozen=True, slots=True)
class Line:
    """
    One component: the version meant, what it gives, the sources whose licences it carries, and the number of the
    newest version there is; or what is wrong. About how many characters and tokens these are, once it is measured.
    """

    dataset: str
    version: Version | None = None
    share: Share | None = None
    sources: tuple[Source, ...] = ()
    newest: int = 0
    characters: int | None = None
    tokens: int | None = None
    error: str = ""
    unit: str = "rows"

    @property
    def licences(self) -> list[str]:
        return sorted({source.licence or "unknown" for source in self.sources}) or ["unknown"]


@dataclass(frozen=True, slots=True)
class Totals:
    """The lines in the order of the recipe, without what only a build finds out: rows that come twice."""

    lines: list[Line]
    obstacles: list[Obstacle] = field(default_factory=list)
    asked: Asked = field(default_factory=lambda: Asked(()))
    error: str = ""
    uncounted: tuple[Version, ...] = ()

    @property
    def rows(self) -> int:
        return sum(line.share.rows for line in self.lines if line.share)

    @property
    def characters(self) -> int | None:
        return _whole([line.characters for line in self.lines if line.share])

    @property
    def tokens(self) -> int | None:
        """None while a version is not measured yet."""
        return _whole([line.tokens for line in self.lines if line.share])

    @property
    def left_out(self) -> int:
        """Rows that are duplicates of rows kept."""
        return sum(line.share.left_out for line in self.lines if line.share)

    @property
    def sound(self) -> bool:
        return not (self.error or any(line.error for line in self.lines))

    @property
    def licences(self) -> dict[str, list[str]]:
        """Each licence with the sources that have it."""
        found: dict[str, set[str]] = {}
        for line in self.lines:
            for source in line.sources:
                found.setdefault(source.licence or "unknown", set()).add(source.name)
        return {licence: sorted(names) for licence, names in sorted(found.items())}

    @property
    def licence(self) -> str:
        """What the card of an export would say: the most restrictive one, or "other" where none covers all."""
        return self.verdict.id if self.licences else ""

    @property
    def verdict(self) -> Verdict:
        """Which licence the whole inherits, why, and what that asks; how many rows are under each a build finds out."""
        return inherit(Claim(name, said, 0) for said, names in self.licences.items() for name in names)


def totals(project: Project, asked: Asked) -> Totals:
    """What components amount to, each as far as it is sound."""
    found = _versions(project, [one for one in asked.components if isinstance(one, Component)])
    lines = [_line(project, one, found) for one in asked.components]
    versions = [line.version for line in lines if line.version]
    measures = _Measures.of(versions, asked.tokenizer)
    lines, error = _planned(project, asked, lines, measures)
    lineage = Lineage(versions)
    lines = [_told(line, lineage, measures) for line in lines]
    leaves = dict.fromkeys(leaf for version in versions for leaf in lineage.leaves(version))
    ready = readiness(leaves, project)
    obstacles = {str(one): one for leaf in leaves for one in ready[leaf.pk].obstacles}
    uncounted = tuple(one for one in dict.fromkeys(versions) if one.pk not in measures.rows)
    return Totals(lines, list(obstacles.values()), asked, asked.error or error, uncounted)


def choices(project: Project) -> dict[str, list[Version]]:
    """What may be mixed: by name of the dataset, its versions, the newest first."""
    found: dict[str, list[Version]] = {}
    live = Version.objects.live().filter(dataset__project=project, dataset__kind__in=MIXABLE)
    for version in live.select_related("dataset").order_by("dataset__name", "-number"):
        found.setdefault(version.dataset.name, []).append(version)
    return found


def duplicates(project: Project) -> list[Version]:
    """What deduplications removed, the newest first: the versions that `dedupe` may name."""
    live = Version.objects.live().filter(dataset__project=project, dataset__kind=Kind.REMOVED)
    return list(live.filter(run__kind="dedupe").select_related("dataset").order_by("-pk")[:MOST_DUPLICATES])


def columns(counted: Totals) -> list[str]:
    """What rows may be sorted into strata by: of every version, and the labels and notes of these."""
    versions = [line.version for line in counted.lines if line.version]
    found = {
        column["name"]: None
        for one in measures_of(versions).values()
        for column in one.facts["columns"]
        if column["name"] not in ATTRIBUTE_NAMES
    }
    return [*COMMON, *found, *(name for name in ATTRIBUTE_NAMES if name not in COMMON)]


def _versions(project: Project, components: Iterable[Component]) -> dict[str, Version]:
    """The version that each component means, for all of them at once; the ones that are not there are missing."""
    names = {component.name for component in components}
    live = Version.objects.live().filter(dataset__project=project, dataset__name__in=names)
    found: dict[str, Version] = {}
    for version in live.select_related("dataset__project", "dataset__source").order_by("-number"):
        found[str(version)] = version
        found.setdefault(version.dataset.name, version)
    return found


def _line(project: Project, component: Component | str, found: dict[str, Version]) -> Line:
    """The version that is meant, or why there is none."""
    if isinstance(component, str):
        return Line("", error=component)
    version = found.get(component.dataset)
    try:
        version = version or Version.objects.named(project, component.dataset)
        if version.kind not in MIXABLE:
            return Line(component.dataset, error=not_mixable(version))
        return Line(component.dataset, version, newest=found.get(component.name, version).number)
    except DataError as error:
        return Line(component.dataset, version, error=str(error))


@dataclass(frozen=True, slots=True)
class _Measures:
    """What is known of the rows of some versions, by their keys: `rows` one by one, `means` on average."""

    rows: dict[int, Version]
    means: dict[int, dict[str, float]]

    @classmethod
    def of(cls, versions: Sequence[Version], tokenizer: str) -> "_Measures":
        profiles = measures_of(versions)
        means = {
            pk: {
                column["name"]: column["mean"]
                for column in one.facts["columns"]
                if column["name"] in MEASURED
            }
            for pk, one in profiles.items()
        }
        if tokenizer == BYTES:
            return cls(profiles, means)
        counted = measures_of(versions, tokenizer)
        for pk, mean in means.items():
            facts = counted[pk].facts if pk in counted else {}
            mean.pop("tokens", None)
            if facts.get("rows"):
                mean["tokens"] = facts["tokens"] / facts["rows"]
        return cls(counted, means)


def _planned(
    project: Project, asked: Asked, lines: list[Line], measures: _Measures
) -> tuple[list[Line], str]:
    """The lines with what each gives; where they make no recipe together, each alone, and what is wrong."""
    parts = [
        (place, one, line.version)
        for place, (one, line) in enumerate(zip(asked.components, lines, strict=True))
        if isinstance(one, Component) and line.version
    ]
    if not parts:
        return lines, ""
    try:
        recipe = asked.recipe(one for _, one, _ in parts)
        duplicates = duplicates_named(project, asked.dedupe)
        versions = tuple(version for *_, version in parts)
        pool = Pool(recipe, versions, tuple(measures.rows.get(one.pk) for one in versions), duplicates)
        made, error = _shares(pool), ""
    except DataError as wrong:
        made, error = [_alone(one, version) for _, one, version in parts], str(wrong)
    shares = iter(weighed([one for one in made if isinstance(one, Share)]))
    for (place, component, _), one in zip(parts, made, strict=True):
        unit = "tokens" if not error and recipe.in_tokens(component) else "rows"
        told = {"share": next(shares)} if isinstance(one, Share) else {"error": one}
        lines[place] = replace(lines[place], **told, unit=unit)
    return lines, error


def _shares(pool: Pool) -> list[Share | str]:
    """What each component gives among the others, or what is wrong with it."""
    gone = pool.gone()
    stocks = [_stock(pool, place, gone) for place in range(len(pool.versions))]
    rows = [
        one.rows if isinstance(one, Stock) else version.rows
        for one, version in zip(stocks, pool.versions, strict=True)
    ]
    given = amounts(pool.recipe, rows)
    return [
        have if isinstance(have, str) else _share(pool.recipe, component, have, amount, rows)
        for component, have, amount in zip(pool.recipe.components, stocks, given, strict=True)
    ]


def _stock(pool: Pool, place: int, gone: Gone) -> Stock | str:
    try:
        return pool.stock(place, gone)
    except DataError as error:
        return str(error)


def _share(
    recipe: Recipe, component: Component, have: Stock, amount: int, rows: Sequence[int]
) -> Share | str:
    try:
        return share_of(recipe, component, have, amount, rows)
    except DataError as error:
        return str(error)


def _alone(component: Component, version: Version) -> Share | str:
    """What a component gives that needs no other and no measures, while the recipe as a whole is wrong."""
    if component.weight or component.tokens:
        return ""
    try:
        component = replace(component, strata=())
        recipe, rows = Recipe("draft", 0, (component,)), [version.rows]
        return share_of(recipe, component, Stock(version.rows), amounts(recipe, rows)[0], rows)
    except DataError as error:
        return str(error)


def _about(mean: float | None, share: Share | None) -> int | None:
    return None if mean is None or share is None else round(mean * share.rows)


def _whole(parts: Sequence[int | None]) -> int | None:
    known = [part for part in parts if part is not None]
    return sum(known) if parts and len(known) == len(parts) else None


def _told(line: Line, lineage: Lineage, measures: _Measures) -> Line:
    if line.version is None:
        return line
    mean, share = measures.means.get(line.version.pk, {}), line.share
    above = [line.version, *lineage.ancestors(line.version)]
    sources = dict.fromkeys(one.dataset.source for one in above if one.dataset.source)
    purged = [one for one in above if one.purged]
    error = (
        f"{line.version} was made of {purged[0]}, which was purged; leave it out." if purged else line.error
    )
    counted = share.tokens if share else None
    return replace(
        line,
        sources=tuple(sources),
        error=error,
        characters=_about(mean.get("chars"), share),
        tokens=_about(mean.get("tokens"), share) if counted is None else counted,
    )
