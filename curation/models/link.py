from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from curation.engine.errors import BadConfig, Refused
from curation.models.event import Event
from curation.models.mixture import Export
from curation.models.project import OwnedQuerySet, Project

LIVES = (1, 7, 30)


def _signer() -> Signer:
    return Signer(salt="curation.link", sep=".")


class LinkQuerySet(OwnedQuerySet["Link"]):
    def live(self) -> LinkQuerySet:
        return self.filter(revoked=None, expires__gt=timezone.now())

    def within_reach(self, user: Any) -> LinkQuerySet:
        """Of admins the links of everybody in their projects, of others their own."""
        return self.filter(Q(user=user.pk) | Q(project__in=Project.objects.administered_by(user)))

    def signed(self, text: str) -> Link | None:
        """The link whose number was signed by this installation, live or not; None for what was made up or changed."""
        try:
            key = int(_signer().unsign(text))
        except (BadSignature, ValueError):
            return None
        return (
            self.select_related("user", "project", "export__mixture__project", "export__version")
            .filter(pk=key)
            .first()
        )

    @transaction.atomic
    def make(self, export: Export, days: int, *, by: Any) -> Link:
        """A link for so many days; asked again in the first half of its life the same one, as copies are about."""
        if days not in LIVES:
            raise BadConfig(f"A link lives {LIVES[0]}, {LIVES[1]} or {LIVES[2]} days.")
        if export.status != Export.Status.PUBLISHED:
            raise Refused(f"{export} was withdrawn, so no link would lead anywhere.")
        now, life, own = (
            timezone.now(),
            timedelta(days=days),
            self.live().filter(export=export, user=by, days=days),
        )
        if known := own.filter(expires__gt=now + life / 2).order_by("-pk").first():
            return known
        project = export.mixture.project
        link = self.create(project=project, export=export, user=by, days=days, expires=now + life)
        Event.objects.record("shared", link, project=project, by=by, days=days)
        return link

    @transaction.atomic
    def revoke(self, *, by: Any) -> int:
        """Close those that are live; how many there were."""
        links = list(self.live().select_related("project", "export__mixture", "user"))
        for link in links:
            link.revoked = timezone.now()
            link.save(update_fields=["revoked"])
            Event.objects.record("unshared", link, project=link.project, by=by)
        return len(links)


class Link(models.Model):
    """
    What programs that cannot send a token read an export by: an address without a password, for some days.

    The address is the number of the row, signed with the key of the installation: nothing that is kept in the database
    opens anything. It opens what its maker may read, as long as that is so.
    """

    project = models.ForeignKey(Project, models.PROTECT, related_name="links")
    export = models.ForeignKey(Export, models.PROTECT, related_name="links")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="links")
    days = models.PositiveSmallIntegerField()
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField()
    last_used = models.DateTimeField(null=True)
    revoked = models.DateTimeField(null=True)

    objects = LinkQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.export} for {self.user}"

    @property
    def folder(self) -> str:
        """The name of what it leads to, as the address has it."""
        return f"{self.export.mixture.name}-{self.export.number}"

    @property
    def signed(self) -> str:
        """Its key, which `Link.objects.signed` reads."""
        return _signer().sign(str(self.pk))

    def path(self, file: str = "") -> str:
        """The path of one file of the export; without one, what all of them begin with."""
        return reverse("by-link", args=[self.signed, self.folder, file or "-"]).removesuffix(
            "" if file else "-"
        )

    @property
    def closed(self) -> str:
        """Why it opens nothing any more; empty while it does."""
        if self.revoked:
            return f"This link to {self.export} was revoked. Ask whoever gave it to you for another."
        if self.expires <= timezone.now():
            return (
                f"This link to {self.export} ended on {self.expires:%d %B %Y at %H:%M} UTC. Ask for another."
            )
        member = Project.objects.visible_to(self.user).filter(pk=self.project_id)
        if not self.user.is_active or not member.exists():
            return f"Whoever made this link to {self.export} may not read it any more."
        return ""

    def used(self) -> None:
        """Noted at most once a minute."""
        stale = Q(last_used=None) | Q(last_used__lt=timezone.now() - timedelta(minutes=1))
        Link.objects.filter(stale, pk=self.pk).update(last_used=timezone.now())
