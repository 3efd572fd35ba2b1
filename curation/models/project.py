from __future__ import annotations

from typing import Any, Self, TypeVar

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models

from curation.engine.names import check_name

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


class Membership(models.Model):
    class Role(models.TextChoices):
        ADMIN = "admin"
        CURATOR = "curator"
        ANNOTATOR = "annotator"
        VIEWER = "viewer"

    project = models.ForeignKey(Project, models.PROTECT, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)

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
