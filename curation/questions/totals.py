"""What a recipe would amount to before it is built: rows, shares, licences, and what stands in the way of an export."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from curation.engine.errors import DataError
from curation.engine.licences import Claim, Verdict, inherit
from curation.engine.mixing import Component, Share
from curation.gates import Lineage, Obstacle, readiness
from curation.models import Kind, Project, Source, Version

MIXABLE = (Kind.RECORDS, Kind.MIXTURE)
MEASURED = ("chars", "tokens")


@dataclass(frozen=True, slots=True)
class Line:
    """
    One component: the version meant, what it gives, the sources whose licences it carries, and the number of the
    newest version there is; or what is wrong. About how many characters and tokens these are, once it is profiled.
    """

    dataset: str
    version: Version | None = None
    share: Share | None = None
    sources: tuple[Source, ...] = ()
    newest: int = 0
    characters: int | None = None
    tokens: int | None = None
    error: str = ""

    @property
    def licences(self) -> list[str]:
        return sorted({source.licence or "unknown" for source in self.sources}) or ["unknown"]


@dataclass(frozen=True, slots=True)
class Totals:
    """The lines in the order of the recipe, without what only a build finds out: rows that come twice."""

    lines: list[Line]
    obstacles: list[Obstacle] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(line.share.rows for line in self.lines if line.share)

    @property
    def characters(self) -> int | None:
        return _whole([line.characters for line in self.lines if line.share])

    @property
    def tokens(self) -> int | None:
        """None while a version is not profiled yet."""
        return _whole([line.tokens for line in self.lines if line.share])

    @property
    def sound(self) -> bool:
        return not any(line.error for line in self.lines)

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


def totals(project: Project, components: Sequence[Component | str]) -> Totals:
    """What components amount to; a text instead of a component is what is wrong with it already."""
    found = _versions(project, [one for one in components if isinstance(one, Component)])
    lines = [_line(project, one, found) for one in components]
    versions = [line.version for line in lines if line.version]
    lineage = Lineage(versions)
    rows = sum(line.share.rows for line in lines if line.share)
    means = _means(versions)
    lines = [_told(line, rows, lineage, means) for line in lines]
    leaves = dict.fromkeys(leaf for version in versions for leaf in lineage.leaves(version))
    ready = readiness(leaves, project)
    obstacles = dict.fromkeys(obstacle for leaf in leaves for obstacle in ready[leaf.pk].obstacles)
    return Totals(lines, list({str(obstacle): obstacle for obstacle in obstacles}.values()))


def choices(project: Project) -> dict[str, list[Version]]:
    """What may be mixed: by name of the dataset, its versions, the newest first."""
    found: dict[str, list[Version]] = {}
    live = Version.objects.live().filter(dataset__project=project, dataset__kind__in=MIXABLE)
    for version in live.select_related("dataset").order_by("dataset__name", "-number"):
        found.setdefault(version.dataset.name, []).append(version)
    return found


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
    if isinstance(component, str):
        return Line("", error=component)
    version = found.get(component.dataset)
    try:
        version = version or Version.objects.named(project, component.dataset)
        if version.kind not in MIXABLE:
            said = f"{version} holds {version.kind.label}, and only records may be mixed."
            return Line(component.dataset, error=said)
        newest = found.get(component.name, version).number
        return Line(component.dataset, version, component.share(version.rows), newest=newest)
    except DataError as error:
        return Line(component.dataset, version, error=str(error))


def _means(versions: Iterable[Version]) -> dict[int, dict[str, float]]:
    """The mean characters and tokens of a row, by the key of the version; for those that have a profile."""
    inputs = {"run__run_inputs__version__in": versions, "run__run_inputs__role": "records"}
    profiles = Version.objects.live().filter(dataset__kind=Kind.PROFILE, run__kind="profile", **inputs)
    found = profiles.order_by("pk").values_list("run__run_inputs__version", "facts")
    return {
        pk: {column["name"]: column["mean"] for column in facts["columns"] if column["name"] in MEASURED}
        for pk, facts in found
    }


def _about(mean: float | None, share: Share | None) -> int | None:
    return None if mean is None or share is None else round(mean * share.rows)


def _whole(parts: Sequence[int | None]) -> int | None:
    known = [part for part in parts if part is not None]
    return sum(known) if parts and len(known) == len(parts) else None


def _told(line: Line, rows: int, lineage: Lineage, means: dict[int, dict[str, float]]) -> Line:
    if line.version is None:
        return line
    mean = means.get(line.version.pk, {})
    above = [line.version, *lineage.ancestors(line.version)]
    sources = dict.fromkeys(one.dataset.source for one in above if one.dataset.source)
    share = replace(line.share, share=line.share.rows / rows if rows else 0.0) if line.share else None
    purged = [one for one in above if one.purged]
    error = (
        f"{line.version} was made of {purged[0]}, which was purged; leave it out." if purged else line.error
    )
    return replace(
        line,
        share=share,
        sources=tuple(sources),
        error=error,
        characters=_about(mean.get("chars"), share),
        tokens=_about(mean.get("tokens"), share),
    )
