"""Certificates: what the checks of this app say in full."""

from typing import Any

from django.db.models import QuerySet

from curation.models import DECONTAMINATION, Check, Project


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
