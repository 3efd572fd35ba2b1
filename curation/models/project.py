from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.urls import reverse

from curation.engine.errors import BadConfig, Refused
from curation.engine.names import check_name

if TYPE_CHECKING:
    from curation.models.event import Event, EventManager
    from curation.models.link import LinkQuerySet
    from curation.models.token import TokenQuerySet

SHELL = "shell"
DECONTAMINATION = "decontamination"


def shell_user() -> Any:
    """Who acts when a command is run in the terminal; nobody can sign in as it."""
    unusable = make_password(None)
    user, _ = get_user_model().objects.get_or_create(
        username=SHELL, defaults={"is_active": False, "password": unusable}
    )
    return user


class ProjectQuerySet(models.QuerySet["Project"]):
    def open(self, name: str) -> tuple[Project, bool]:
        """The project of that name, made when there is none; and whether it was made."""
        return self.get_or_create(name=check_name(name, "The name of a project"))

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> ProjectQuerySet:
        """
        The one rule of who sees what; everything in a project is visible to those who see the project. Annotators
        do not: they reach their labelling pages and nothing else.
        """
        return self._with_role(user, Membership.Role.ADMIN, Membership.Role.CURATOR, Membership.Role.VIEWER)

    def run_by(self, user: AbstractBaseUser | AnonymousUser) -> ProjectQuerySet:
        """Where a user may start, stop and change things."""
        return self._with_role(user, Membership.Role.ADMIN, Membership.Role.CURATOR)

    def administered_by(self, user: AbstractBaseUser | AnonymousUser) -> ProjectQuerySet:
        """Where a user decides who may do what."""
        return self._with_role(user, Membership.Role.ADMIN)

    def _with_role(self, user: AbstractBaseUser | AnonymousUser, *roles: str) -> ProjectQuerySet:
        if user.is_anonymous:
            return self.none()
        shell = user.get_username() == SHELL and not user.is_active
        if getattr(user, "is_superuser", False) or shell:
            return self
        return self.filter(memberships__user=user.pk, memberships__role__in=roles)


def required_checks() -> list[str]:
    return [DECONTAMINATION]


class Project(models.Model):
    """Owns everything below it; people have roles in it."""

    name = models.SlugField(max_length=100, unique=True)
    required_checks = models.JSONField(default=required_checks)
    created = models.DateTimeField(auto_now_add=True)

    objects = ProjectQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("dashboard", args=[self.name])

    @transaction.atomic
    def require(self, checks: Iterable[str], *, by: Any) -> bool:
        """Exports need these kinds of checks from now on; False when they did before."""
        checks = sorted(set(checks))
        if checks == sorted(self.required_checks):
            return False
        if any(not kind.strip() or len(kind) > 40 for kind in checks):
            raise BadConfig("A kind of check is a word or two, at most 40 characters.")
        before, self.required_checks = self.required_checks, checks
        self.save(update_fields=["required_checks"])
        self.record("required", self, by=by, checks=checks, before=before)
        return True

    def record(self, verb: str, obj: models.Model, *, by: Any, **detail: Any) -> Event:
        """An event of this project, for what lies below events and cannot import them."""
        events: EventManager = self.event_set
        return events.record(verb, obj, project=self, by=by, **detail)

    tokens: TokenQuerySet
    links: LinkQuerySet


class MembershipManager(models.Manager["Membership"]):
    """Who may do what is changed here and nowhere else, and every change is an event."""

    @transaction.atomic
    def invite(self, project: Project, name: str, role: str, *, by: Any) -> tuple[Membership, bool]:
        """Give somebody a role; whether they are new here, and need a link to set their first password."""
        role, name = _role(role), _user_name(name)
        unusable = make_password(None)
        user, new = get_user_model().objects.get_or_create(username=name, defaults={"password": unusable})
        if not user.is_active:
            raise Refused(f"{user} cannot sign in here; choose another name.")
        if held := self.filter(project=project, user=user).first():
            raise Refused(f"{user} is {held.role} of {project} already; change the role in the table.")
        membership = self.create(project=project, user=user, role=role)
        project.record("invited", membership, by=by, name=str(user), role=role)
        return membership, new

    @transaction.atomic
    def change_role(self, membership: Membership, role: str, *, by: Any) -> bool:
        """False when that was their role before."""
        role, now = _role(role), self._held(membership)
        if now.role == role:
            return False
        self._keep_an_admin(now)
        self.filter(pk=now.pk).update(role=role)
        membership.role = role
        now.project.record("role changed", membership, by=by, name=str(now.user), role=role, before=now.role)
        return True

    @transaction.atomic
    def remove(self, membership: Membership, *, by: Any) -> None:
        """Take somebody out of the project, and their tokens and links with them."""
        now = self._held(membership)
        self._keep_an_admin(now)
        for token in now.project.tokens.filter(user=now.user_id, revoked=None):
            token.revoke(by=by)
        now.project.links.filter(user=now.user_id).revoke(by=by)
        now.project.record("removed", now, by=by, name=str(now.user), role=now.role)
        now.delete()

    def _held(self, membership: Membership) -> Membership:
        """The row as it is now; the project is locked, so that two admins cannot remove each other."""
        Project.objects.select_for_update(no_key=True).get(pk=membership.project_id)
        held = self.filter(pk=membership.pk).select_related("project", "user").first()
        if held is None:
            raise Refused("They are no member of this project any more.")
        return held

    def _keep_an_admin(self, leaving: Membership) -> None:
        admins = self.filter(project=leaving.project, role=Membership.Role.ADMIN, user__is_active=True)
        if leaving.role == Membership.Role.ADMIN and not admins.exclude(pk=leaving.pk).exists():
            raise Refused(
                f"{leaving.user} is the last admin of {leaving.project}; make somebody else admin first."
            )


def _role(text: str) -> str:
    if text not in Membership.Role.values:
        raise BadConfig(f"There is no role {text!r}; choose one of {', '.join(Membership.Role)}.")
    return text


def _user_name(text: str) -> str:
    field = get_user_model()._meta.get_field("username")
    try:
        name: str = field.clean(text.strip(), None)
    except ValidationError as error:
        raise BadConfig(f"This is no name to sign in with: {' '.join(error.messages)}") from None
    if name == SHELL:
        raise Refused(f"{SHELL} is who acts in the terminal; choose another name.")
    return name


class Membership(models.Model):
    class Role(models.TextChoices):
        ADMIN = "admin"
        CURATOR = "curator"
        ANNOTATOR = "annotator"
        VIEWER = "viewer"

    project = models.ForeignKey(Project, models.PROTECT, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)

    objects = MembershipManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="one_role_per_project")]

    def __str__(self) -> str:
        return f"{self.user}: {self.role} of {self.project}"


M = TypeVar("M", bound=models.Model)


class OwnedQuerySet(models.QuerySet[M]):
    """Of things that belong to a project, directly or through `owner_path`."""

    owner_path = "project"

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        return self.filter(**{f"{self.owner_path}__in": Project.objects.visible_to(user)})

    def run_by(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        return self.filter(**{f"{self.owner_path}__in": Project.objects.run_by(user)})
