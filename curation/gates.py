"""What stands between a mixture and its export: the checks that its project requires."""

from collections.abc import Iterator
from typing import Any

from curation.engine.errors import BadInput, Refused
from curation.models import Check, Kind, Project, Version


def leaves(version: Version) -> Iterator[Version]:
    """The versions of records that a mixture was made of, through mixtures of mixtures."""
    if version.kind != Kind.MIXTURE:
        yield version
        return
    for component in version.run.inputs_of("components"):
        yield from leaves(component)


def standing(version: Version, project: Project) -> list[tuple[Version, str, Check | None]]:
    """For every leaf and every required kind the newest verdict, if there is one."""
    found = dict.fromkeys((leaf, kind) for leaf in leaves(version) for kind in project.required_checks)
    return [(leaf, kind, Check.objects.standing(leaf, kind)) for leaf, kind in found]


def obstacles(version: Version, project: Project) -> list[str]:
    """A sentence for each check that is missing, failed or stale."""
    told = []
    for leaf, kind, check in standing(version, project):
        if check is None:
            told.append(f"{leaf} has no {kind} check")
        elif check.status != Check.Status.PASSED:
            told.append(f"the {kind} check of {leaf} {_is(check)} ({check.summary})")
    return told


def _is(check: Check) -> str:
    return "is stale: a benchmark changed since" if check.status == Check.Status.STALE else "failed"


def require_checks(version: Version, project: Project, override: str) -> None:
    """Refuse an export without its checks, unless a person overrides it and says why."""
    if (missing := obstacles(version, project)) and not override.strip():
        raise Refused(
            f"{version} cannot be exported: {'; '.join(missing)}. Scan and apply, or override it with a reason "
            "(--override), which the manifest and the audit log will carry."
        )


def certificates(version: Version, project: Project) -> list[dict[str, Any]]:
    """What the standing checks say, as they were written."""
    return [check.detail for _, _, check in standing(version, project) if check]


def mixture_version(project: Project, text: str) -> Version:
    """A mixture by name or name@number; only these are exported."""
    version = Version.objects.named(project, text)
    if version.kind != Kind.MIXTURE:
        raise BadInput(
            f"{version} holds {version.kind.label}; export a mixture (see `mix`), even one of one dataset."
        )
    return version
