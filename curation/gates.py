"""What stands between a mixture and its export: the checks that its project requires, and purged ancestors."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from curation.engine.errors import Refused
from curation.models import Check, Export, Kind, Project, RunInput, Version

EXPORTED = (
    "exported files"  # the kind of a verdict about the files of one export, on the version that it is of
)
ROWS_COME_FROM = ("training", "components", "mixture")


class Lineage:
    """The versions that gave their rows to some versions, and to these, and so on: one query a level."""

    def __init__(self, versions: Iterable[Version]) -> None:
        self._parents: dict[int, list[Version]] = {}
        edge = {version.run_id for version in versions}
        while edge:
            self._parents |= {run: [] for run in edge}
            given = RunInput.objects.filter(run__in=edge, role__in=ROWS_COME_FROM).order_by("run", "position")
            for one in given.select_related("version__dataset__project", "version__dataset__source"):
                self._parents[one.run_id].append(one.version)
            edge = {parent.run_id for run in edge for parent in self._parents[run]} - self._parents.keys()

    def parents(self, version: Version) -> list[Version]:
        return self._parents[version.run_id]

    def leaves(self, version: Version) -> Iterator[Version]:
        """The versions of records that a mixture was made of, through mixtures of mixtures."""
        if version.kind != Kind.MIXTURE:
            yield version
            return
        for component in self.parents(version):
            yield from self.leaves(component)

    def ancestors(self, version: Version) -> list[Version]:
        """All versions whose rows went into this one, the nearest first."""
        found: dict[Version, None] = {}
        edge = [version]
        while edge:
            edge = [parent for one in edge for parent in self.parents(one) if parent not in found]
            found |= dict.fromkeys(edge)
        return list(found)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A required check that is missing (then `check` is None), failed or stale."""

    version: Version
    kind: str
    check: Check | None = None

    def __str__(self) -> str:
        if self.check is None:
            return f"{self.version} has no {self.kind} check"
        return f"the {self.kind} check of {self.check.version} {_is(self.check)} ({self.check.summary})"


@dataclass(frozen=True, slots=True)
class Readiness:
    """What stands in the way of an export: `obstacles` may be overridden with a reason, `purged` may not."""

    checks: list[tuple[Version, str, list[Check]]]
    obstacles: list[Obstacle] = field(default_factory=list)
    purged: list[Version] = field(default_factory=list)

    @property
    def ready(self) -> bool:
        return not (self.obstacles or self.purged)


def readiness(versions: Iterable[Version], project: Project) -> dict[int, Readiness]:
    """
    How ready each version is, by its key, for all of them in a few queries.

    For every leaf and every required kind the newest verdicts; those on the version itself count too.
    """
    versions = list(versions)
    lineage = Lineage(versions)
    asked = {one.pk: list(dict.fromkeys([*lineage.leaves(one), one])) for one in versions}
    every = dict.fromkeys(one for some in asked.values() for one in some)
    found = Check.objects.standing_of(every, project.required_checks)
    ready = {}
    for version in versions:
        checks = [
            (one, kind, found[one.pk, kind]) for one in asked[version.pk] for kind in project.required_checks
        ]
        checks = [told for told in checks if told[2] or told[0].kind != Kind.MIXTURE]
        purged = [one for one in lineage.ancestors(version) if one.purged]
        ready[version.pk] = Readiness(checks, list(_in_the_way(checks)), purged)
    return ready


def _in_the_way(checks: list[tuple[Version, str, list[Check]]]) -> Iterator[Obstacle]:
    """Each check that is missing, failed or stale, once."""
    told = set()
    for one, kind, found in checks:
        wrong = [check for check in found if check.status != Check.Status.PASSED]
        for obstacle in [Obstacle(one, kind, check) for check in wrong] if found else [Obstacle(one, kind)]:
            if str(obstacle) not in told:
                told.add(str(obstacle))
                yield obstacle


def standing(version: Version, project: Project) -> list[tuple[Version, str, list[Check]]]:
    """For every leaf and every required kind the newest verdicts; those on the version itself count too."""
    return readiness([version], project)[version.pk].checks


def obstacles(version: Version, project: Project) -> list[str]:
    """A sentence for each check that is missing, failed or stale."""
    return [str(obstacle) for obstacle in readiness([version], project)[version.pk].obstacles]


def _is(check: Check) -> str:
    return "is stale: a benchmark changed since" if check.status == Check.Status.STALE else "failed"


def purged_ancestors(version: Version) -> list[Version]:
    """Versions whose rows went into this one and were purged since."""
    return [one for one in Lineage([version]).ancestors(version) if one.purged]


def refuse_purged(version: Version, what: str) -> None:
    """What was made of purged rows goes nowhere, whatever the reason."""
    if purged := purged_ancestors(version):
        names = ", ".join(str(one) for one in dict.fromkeys(purged))
        raise Refused(f"{version} cannot be {what}: it was made of {names}, which was purged.")


def require_checks(version: Version, project: Project, override: str) -> list[str]:
    """
    Refuse an export without its checks, unless a person overrides it and says why; returns what was overridden.

    What was made of purged rows is refused, whatever the reason.
    """
    refuse_purged(version, "exported")
    missing = obstacles(version, project)
    if missing and not override.strip():
        raise Refused(
            f"{version} cannot be exported: {'; '.join(missing)}. Scan and apply, or override it with a reason, "
            "which the manifest and the audit log will carry."
        )
    return missing


def verdicts(version: Version, project: Project, kind: str) -> list[dict[str, Any]]:
    """What the standing checks of one kind say, as they were written, each with its status."""
    found = [check for _, one, checks in standing(version, project) if one == kind for check in checks]
    return [{"status": check.status, **check.detail} for check in found]


def verdict_on_files(export: Export) -> Check | None:
    """What was found out last about the published files themselves; None where nobody looked."""
    found = export.version.checks.filter(kind=EXPORTED, detail__export=export.pk)
    return found.select_related("run__project").order_by("-pk").first()


def withheld(export: Export) -> str:
    """Why its files are served to nobody; empty where they are, or where it was exported with a reason all the same."""
    check = None if export.override else verdict_on_files(export)
    if check is None or check.status != Check.Status.FAILED:
        return ""
    return (
        f"The files of {export} are withheld: {check.summary}. Apply a scan of what it was made of and export "
        "again, or rule on the matches and scan the files again."
    )
