from __future__ import annotations

from typing import Any

from django.db import models

from curation.models.dataset import Version
from curation.models.project import OwnedQuerySet
from curation.models.run import Run


class CheckQuerySet(OwnedQuerySet["Check"]):
    owner_path = "version__dataset__project"

    def standing(self, version: Version, kind: str) -> Check | None:
        """The newest verdict about a version; a row subset inherits what was found out about the whole."""
        at: Version | None = version
        while at is not None:
            if check := self.filter(version=at, kind=kind).select_related("run").order_by("-pk").first():
                return check
            at = at.subset_of
        return None

    def relying_on(self, dataset_id: int) -> CheckQuerySet:
        """Checks whose run read an earlier version of a dataset."""
        runs = Run.objects.filter(inputs__dataset=dataset_id)
        return self.filter(run__in=runs).exclude(status=Check.Status.STALE)


class Check(models.Model):
    """A verdict about a version. `Project.required_checks` names the kinds that an export needs."""

    class Status(models.TextChoices):
        PASSED = "passed"
        FAILED = "failed"
        STALE = "stale"

    version = models.ForeignKey(Version, models.PROTECT, related_name="checks")
    kind = models.CharField(max_length=40)
    status = models.CharField(max_length=10, choices=Status)
    run = models.ForeignKey(Run, models.PROTECT, related_name="checks")
    summary = models.CharField(max_length=300)
    detail: Any = models.JSONField(default=dict)
    created = models.DateTimeField(auto_now_add=True)

    objects = CheckQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["version", "kind"])]

    def __str__(self) -> str:
        return f"{self.kind} of {self.version}: {self.status}"
