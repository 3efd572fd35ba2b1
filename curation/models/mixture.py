from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Count, OuterRef, Q, Subquery
from django.urls import reverse

from curation.engine.errors import BadInput
from curation.engine.mixing import Recipe, parse
from curation.models.dataset import Kind, Version
from curation.models.event import Event
from curation.models.project import OwnedQuerySet, Project
from curation.models.run import Run

if TYPE_CHECKING:
    from curation.models.link import LinkQuerySet
    from curation.models.token import Token


class MixtureQuerySet(OwnedQuerySet["Mixture"]):
    def with_state(self) -> MixtureQuerySet:
        """
        Each with the keys of its `newest` version and `last_build`, that version's `newest_number` and `newest_rows`,
        and how many exports are `published`.
        """
        own = {"dataset__project": OuterRef("project"), "dataset__name": OuterRef("name")}
        newest = Version.objects.live().filter(**own, dataset__kind=Kind.MIXTURE).order_by("-number")
        builds = Run.objects.filter(project=OuterRef("project"), kind="mix", subject=OuterRef("name"))
        published = Q(exports__status=Export.Status.PUBLISHED)
        return self.annotate(
            newest=Subquery(newest.values("pk")[:1]),
            newest_number=Subquery(newest.values("number")[:1]),
            newest_rows=Subquery(newest.values("rows")[:1]),
            last_build=Subquery(builds.order_by("-pk").values("pk")[:1]),
            published=Count("exports", filter=published),
        )


class MixtureManager(models.Manager["Mixture"].from_queryset(MixtureQuerySet)):  # type: ignore[misc]
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

    def get_absolute_url(self) -> str:
        return reverse("mixture", args=[self.project.name, self.name])

    @property
    def asked(self) -> Recipe:
        """The recipe as it was written; what a build pinned is in the config of its run."""
        return parse(self.recipe)


class ExportQuerySet(OwnedQuerySet["Export"]):
    owner_path = "mixture__project"

    def published(self) -> ExportQuerySet:
        return self.filter(status=Export.Status.PUBLISHED)

    def for_token(self, token: Token) -> ExportQuerySet:
        """Those that a token reads: the one that it was made for, those of one mixture, or all."""
        if token.export_id:
            return self.filter(pk=token.export_id)
        return self.filter(mixture=token.mixture_id) if token.mixture_id else self

    def withdraw(self, reason: str, *, by: Any) -> list[Export]:
        """Take published exports back; their files stay until they are swept."""
        if not reason.strip():
            raise BadInput("Say why it is withdrawn: whoever trained on it will read it.")
        exports = list(self.published().select_related("mixture__project"))
        for export in exports:
            export.status, export.withdrawn_because = Export.Status.WITHDRAWN, reason
            export.save(update_fields=["status", "withdrawn_because"])
            Event.objects.record("withdrew", export, project=export.mixture.project, by=by, reason=reason)
        return exports


def exported_as(project: Project, text: str) -> Mixture | Export:
    """`mix`, a mixture, or `mix/3`, its third export; BadInput for what the project has not."""
    name, _, number = text.partition("/")
    mixture: Mixture | None = Mixture.objects.filter(project=project, name=name).first()
    if mixture is None:
        raise BadInput(f"There is no mixture {name} in {project}.")
    if not number:
        return mixture
    known = number.isascii() and number.isdecimal() and len(number) < 10
    export: Export | None = mixture.exports.filter(number=int(number)).first() if known else None
    if export is None:
        raise BadInput(f"{name} has no export {number}.")
    return export


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
    links: LinkQuerySet

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mixture", "number"], name="export_number")]

    def __str__(self) -> str:
        return f"{self.mixture.name} export {self.number}"

    def get_absolute_url(self) -> str:
        return reverse("export", args=[self.mixture.project.name, self.mixture.name, self.number])

    @property
    def bytes(self) -> int:
        """Of its data, all profiles and formats."""
        return sum(file["bytes"] for file in self.run.summary.get("files", []))

    @property
    def commit(self) -> str:
        """What Hub clients know the revision by."""
        return self.manifest_hash[:40]
