from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from curation.models import Event, Project
from curation.models.project import OwnedQuerySet
from decontam.engine.actions import Action
from decontam.engine.apply import ApplyConfig
from decontam.engine.apply import Policy as Counting


class PolicyManager(models.Manager["Policy"].from_queryset(OwnedQuerySet["Policy"])):  # type: ignore[misc]
    def config(self, project: Project, **said: Any) -> ApplyConfig:
        """How a project applies its scans, with what is said here and now (None is not said) in its place."""
        saved = self.filter(project=project).first()
        usual = {name: getattr(saved, name) for name in Policy.SAVED} if saved else {}
        return ApplyConfig(**usual | {name: value for name, value in said.items() if value is not None})

    @transaction.atomic
    def save_for(self, project: Project, config: ApplyConfig, *, by: Any) -> Policy:
        """From now on this is what is proposed when a scan of the project is applied."""
        said = {name: getattr(config, name) for name in Policy.SAVED}
        policy, _ = self.update_or_create(project=project, defaults=said | {"by": by, "at": timezone.now()})
        Event.objects.record("set policy", policy, project=project, by=by, **said)
        return policy  # type: ignore[no-any-return]


class Policy(models.Model):
    """What a project does with rows that count unless a curator says otherwise; the rules are in `ApplyConfig`."""

    SAVED = ("policy", "dev", "unseen", "source_above", "max_removed", "meaning")

    project = models.OneToOneField(Project, models.PROTECT, related_name="policy")
    policy = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Counting])
    dev = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Action])
    unseen = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Action])
    source_above = models.FloatField()
    max_removed = models.FloatField()
    meaning = models.BooleanField(default=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
    at = models.DateTimeField(default=timezone.now)

    objects = PolicyManager()

    class Meta:
        verbose_name_plural = "policies"

    def __str__(self) -> str:
        return f"the policy of {self.project}"
