"""Certificates: what the checks of this app say in full."""

from typing import Any

from django.db.models import QuerySet

from curation.models import DECONTAMINATION, Check, Project, Run, Version


def certificates(project: Project) -> QuerySet[Check]:
    """The checks of a project for contamination, by the plain rule and by weaker ones."""
    found = Check.objects.filter(version__dataset__project=project, kind__endswith=DECONTAMINATION)
    return found.select_related("version__dataset__project", "run__project", "run__user")


def in_full(check: Check) -> dict[str, Any]:
    """As the API and the file for download tell it."""
    return {
        "status": check.status,
        "kind": check.kind,
        "created": check.created.isoformat(),
        **check.detail,
    }


def made_by(run: Run, facts: dict[str, Any]) -> dict[str, Any]:
    """What a certificate says of its run: what it read and made, with content hashes, and what did not count."""
    edges = run.run_inputs.select_related("version__dataset").order_by("role", "position")
    made = run.outputs.select_related("dataset").order_by("pk")
    return {
        "run": {"kind": run.kind, "number": run.pk, "project": run.project.name},
        "inputs": [_identity(edge.role, edge.version) for edge in edges],
        "outputs": [_identity(version.role, version) for version in made],
        "suppressed": facts.get("suppressed", {}),
        "elsewhere": facts.get("elsewhere", []),
        "background": facts.get("background", []),
        "left_out": facts.get("left_out", {}),
        "false_alarms": facts.get("false_alarms", {}),
    }


def _identity(role: str, version: Version) -> dict[str, Any]:
    return {
        "role": role,
        "version": str(version),
        "content_hash": version.content_hash,
        "rows": version.rows,
    }
