from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from curation.engine.errors import BadConfig, Refused
from curation.models.event import Event
from curation.models.mixture import Export, Mixture
from curation.models.project import OwnedQuerySet, Project

PREFIX = "wnw_"
SHOWN = 8
LONGEST = timedelta(days=366)


def digest(secret: str) -> str:
    """What is kept of a token: it is long and random, so a plain hash suffices."""
    return hashlib.sha256(secret.encode()).hexdigest()


class TokenQuerySet(OwnedQuerySet["Token"]):
    def good(self) -> TokenQuerySet:
        """Neither revoked nor expired, and of somebody who may still sign in."""
        return self.filter(revoked=None, expires__gt=timezone.now(), user__is_active=True)

    def within_reach(self, user: Any) -> TokenQuerySet:
        """Of admins the tokens of everybody in their projects, of others their own."""
        return self.filter(Q(user=user.pk) | Q(project__in=Project.objects.administered_by(user)))

    def presented(self, secret: str) -> Token | None:
        """The good token of that secret; it is noted, at most once a minute, that it was used."""
        token = self.good().filter(digest=digest(secret)).select_related("user", "project").first()
        if token is not None:
            stale = Q(last_used=None) | Q(last_used__lt=timezone.now() - timedelta(minutes=1))
            self.filter(stale, pk=token.pk).update(last_used=timezone.now())
        return token

    @transaction.atomic
    def issue(
        self,
        project: Project,
        name: str,
        scopes: Sequence[str],
        *,
        days: int,
        by: Any,
        only: Mixture | Export | None = None,
    ) -> tuple[Token, str]:
        """A new token and its secret, which is told once and kept by nobody; `only` narrows it to these exports."""
        scopes = list(dict.fromkeys(scopes))
        if not scopes or not set(scopes) <= set(Token.Scope):
            raise BadConfig(f"A token needs scopes, some of {', '.join(Token.Scope)}.")
        if not name.strip() or len(name) > 100:
            raise BadConfig("Say what the token is for, in at most 100 characters.")
        if not 1 <= days <= LONGEST.days:
            raise BadConfig(f"A token lasts 1 to {LONGEST.days} days.")
        if only and scopes != [Token.Scope.EXPORT]:
            raise BadConfig(f"A token for {only} alone reads exports: choose the scope export and no other.")
        secret = PREFIX + secrets.token_urlsafe(30)
        token = self.create(
            project=project,
            user=by,
            name=name.strip(),
            scopes=scopes,
            digest=digest(secret),
            shown=secret[: len(PREFIX) + SHOWN],
            expires=timezone.now() + timedelta(days=days),
            mixture=only if isinstance(only, Mixture) else None,
            export=only if isinstance(only, Export) else None,
        )
        told = {"only": str(only)} if only else {}
        Event.objects.record("issued", token, project=project, by=by, scopes=scopes, days=days, **told)
        return token, secret


class Token(models.Model):
    """What a program shows instead of a password: one project, some scopes, until a day."""

    class Scope(models.TextChoices):
        READ = "read", "read everything in the project"
        WRITE = "write", "start, change and rule, as far as your role allows"
        EXPORT = "export", "read published exports only"

    project = models.ForeignKey(Project, models.PROTECT, related_name="tokens")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="tokens")
    mixture = models.ForeignKey(Mixture, models.PROTECT, null=True)
    export = models.ForeignKey(Export, models.PROTECT, null=True)
    name = models.CharField(max_length=100)
    scopes = models.JSONField(default=list)
    digest = models.CharField(max_length=64, unique=True)
    shown = models.CharField(max_length=20)
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField()
    last_used = models.DateTimeField(null=True)
    revoked = models.DateTimeField(null=True)

    objects = TokenQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name} ({self.shown}…)"

    @property
    def only(self) -> Mixture | Export | None:
        """Whose exports it reads; None for those of the whole project."""
        return self.export or self.mixture

    @property
    def expired(self) -> bool:
        return self.expires <= timezone.now()

    @property
    def expires_soon(self) -> bool:
        return self.revoked is None and self.expires < timezone.now() + timedelta(days=7)

    def require_within(self, days: int, allowed: bool) -> None:
        """What is made with a token opens no more (`allowed` says whether it would) and lasts no longer than that."""
        left = (self.expires - timezone.now()).days
        if not allowed or days > left:
            raise Refused(
                f"This token has the scopes {', '.join(self.scopes)} and {left} whole days left; what is made with it "
                "stays within that. Sign in to make another."
            )

    @transaction.atomic
    def revoke(self, *, by: Any) -> bool:
        """False when it was revoked before."""
        revoked = Token.objects.filter(pk=self.pk, revoked=None).update(revoked=timezone.now())
        if revoked:
            Event.objects.record("revoked", self, project=self.project, by=by)
        return bool(revoked)
