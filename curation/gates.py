"""What stands between a mixture and its export: the checks that its project requires, and purged ancestors."""

from collections.abc import Iterator
from typing import Any

from curation.engine.errors import Refused
from curation.models import Check, Kind, Project, Version

ROWS_COME_FROM = ("training", "components", "mixture")


def leaves(version: Version) -> Iterator[Version]:
    """The versions of records that a mixture was made of, through mixtures of mixtures."""
    if version.kind != Kind.MIXTURE:
        yield version
        return
    for component in version.run.inputs_of("components"):
        yield from leaves(component)


def standing(version: Version, project: Project) -> list[tuple[Version, str, list[Check]]]:
    """For every leaf and every required kind the newest verdicts; those on the version itself count too."""
    asked = dict.fromkeys([*leaves(version), version])
    found = [
        (one, kind, Check.objects.standing(one, kind)) for one in asked for kind in project.required_checks
    ]
    return [(one, kind, checks) for one, kind, checks in found if checks or one.kind != Kind.MIXTURE]


def obstacles(version: Version, project: Project) -> list[str]:
    """A sentence for each check that is missing, failed or stale."""
    told = []
    for one, kind, checks in standing(version, project):
        if not checks:
            told.append(f"{one} has no {kind} check")
        for check in checks:
            if check.status != Check.Status.PASSED:
                told.append(f"the {kind} check of {check.version} {_is(check)} ({check.summary})")
    return list(dict.fromkeys(told))


def _is(check: Check) -> str:
    return "is stale: a benchmark changed since" if check.status == Check.Status.STALE else "failed"


def purged_ancestors(version: Version) -> list[Version]:
    """Versions whose rows went into this one and were purged since."""
    found, edge, seen = [], {version.pk}, set[int]()
    while edge:
        seen |= edge
        above = Version.objects.filter(
            run_inputs__run__outputs__in=edge, run_inputs__role__in=ROWS_COME_FROM
        ).distinct()
        found += [one for one in above.select_related("dataset") if one.purged]
        edge = {one.pk for one in above} - seen
    return found


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
            f"{version} cannot be exported: {'; '.join(missing)}. Scan and apply, or override it with a reason "
            "(--override), which the manifest and the audit log will carry."
        )
    return missing


def verdicts(version: Version, project: Project, kind: str) -> list[dict[str, Any]]:
    """What the standing checks of one kind say, as they were written, each with its status."""
    found = [check for _, one, checks in standing(version, project) if one == kind for check in checks]
    return [{"status": check.status, **check.detail} for check in found]
