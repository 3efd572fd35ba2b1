from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from curation.models import Event, Project
from curation.models.project import OwnedQuerySet
from decontam.engine.rules import Condition, RuleConfig, Standing
from decontam.models.ruling import Ruling


class RuleQuerySet(OwnedQuerySet["Rule"]):
    def holding(self, project: Project, dataset: str) -> RuleQuerySet:
        """The rules that hold for scans of a dataset, in the order of their numbers."""
        return self.filter(project=project, active=True, dataset__in=["", dataset]).order_by("pk")


class RuleManager(models.Manager["Rule"].from_queryset(RuleQuerySet)):  # type: ignore[misc]
    @transaction.atomic
    def make(self, project: Project, config: RuleConfig, *, by: Any) -> Rule:
        names = ("condition", "value", "verdict", "benchmark", "dataset", "reason")
        rule: Rule = self.create(project=project, by=by, **{name: getattr(config, name) for name in names})
        Event.objects.record(
            "rule made", rule, project=project, by=by, verdict=rule.verdict, reason=rule.reason
        )
        return rule


class Rule(models.Model):
    """
    What a ruling became for all matches of a kind, in scans that there are and in those to come. It is never changed:
    only taken out of force, and put into force again.
    """

    project = models.ForeignKey(Project, models.PROTECT, related_name="rules")
    condition = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Condition])
    value = models.CharField(max_length=200)
    benchmark = models.CharField(max_length=120, blank=True)
    dataset = models.CharField(max_length=120, blank=True)
    verdict = models.CharField(max_length=12, choices=Ruling.Verdict)
    reason = models.TextField(blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
    at = models.DateTimeField(default=timezone.now)
    active = models.BooleanField(default=True)

    objects = RuleManager()

    class Meta:
        indexes = [models.Index(fields=["project", "active"])]

    def __str__(self) -> str:
        return f"rule {self.pk}"

    @property
    def config(self) -> RuleConfig:
        return RuleConfig(self.condition, self.value, self.verdict, self.benchmark, self.dataset, self.reason)

    def standing(self) -> Standing:
        return Standing(self.pk, self.config)

    def row(self) -> dict[str, Any]:
        """As it is frozen."""
        return self.standing().row() | {"by": self.by.get_username(), "at": self.at.isoformat()}

    @transaction.atomic
    def turn(self, *, active: bool, by: Any) -> bool:
        """Put it into force or out of it; False where somebody else did already."""
        if not Rule.objects.filter(pk=self.pk, active=not active).update(active=active):
            return False
        self.active = active
        Event.objects.record("rule turned", self, project=self.project, by=by, active=active)
        return True
