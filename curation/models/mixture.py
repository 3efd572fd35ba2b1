from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models, transaction

from curation.models.dataset import Version
from curation.models.event import Event
from curation.models.project import OwnedQuerySet, Project
from curation.models.run import Run


class MixtureManager(models.Manager["Mixture"].from_queryset(OwnedQuerySet["Mixture"])):  # type: ignore[misc]
    @transaction.atomic
    def define(self, project: Project, name: str, recipe: str, *, by: Any) -> Mixture:
        """A new mixture, or the next edition of its recipe."""
        mixture, new = self.select_for_update().get_or_create(
            project=project, name=name, defaults={"recipe": recipe}
        )
        if new or mixture.recipe != recipe:
            mixture.recipe = recipe
            mixture.save(update_fields=["recipe"])
            Event.objects.record("defined", mixture, project=project, by=by, recipe=recipe)
        return mixture  # type: ignore[no-any-return]


class Mixture(models.Model):
    """A recipe over versions. What it gave is in the versions of the dataset of the same name."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="mixtures")
    name = models.SlugField(max_length=100)
    recipe = models.TextField()
    created = models.DateTimeField(auto_now_add=True)

    objects = MixtureManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="mixture_name")]

    def __str__(self) -> str:
        return self.name


class ExportQuerySet(OwnedQuerySet["Export"]):
    owner_path = "mixture__project"

    def published(self) -> ExportQuerySet:
        return self.filter(status=Export.Status.PUBLISHED)

    def withdraw(self, reason: str, *, by: Any) -> list[Export]:
        """Take published exports back; their files stay until they are swept."""
        exports = list(self.published().select_related("mixture__project"))
        for export in exports:
            export.status, export.withdrawn_because = Export.Status.WITHDRAWN, reason
            export.save(update_fields=["status", "withdrawn_because"])
            Event.objects.record("withdrew", export, project=export.mixture.project, by=by, reason=reason)
        return exports


class Export(models.Model):
    """A numbered build of a set of profiles: published once, immutable."""

    class Status(models.TextChoices):
        PUBLISHED = "published"
        WITHDRAWN = "withdrawn"

    mixture = models.ForeignKey(Mixture, models.PROTECT, related_name="exports")
    number = models.PositiveIntegerField()
    version = models.ForeignKey(Version, models.PROTECT, related_name="exports")
    run = models.OneToOneField(Run, models.PROTECT, related_name="export")
    folder = models.CharField(max_length=200, unique=True)
    manifest_hash = models.CharField(max_length=64)
    profiles = models.JSONField(default=list)
    override = models.TextField(blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.PUBLISHED)
    withdrawn_because = models.TextField(blank=True)
    created = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)

    objects = ExportQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mixture", "number"], name="export_number")]

    def __str__(self) -> str:
        return f"{self.mixture.name} export {self.number}"

    @property
    def commit(self) -> str:
        """What Hub clients know the revision by."""
        return self.manifest_hash[:40]
