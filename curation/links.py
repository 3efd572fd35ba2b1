"""Links with which somebody sets a password: one time, for three days, handed over by whoever made them."""

from typing import Any

from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from curation.engine.errors import Refused
from curation.models import Membership, Project


def password_path(user: Any) -> str:
    """Good until it was used, the user signed in, or three days have passed."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("set-password", args=[uid, default_token_generator.make_token(user)])


@transaction.atomic
def link_for(membership: Membership, *, by: Any) -> str:
    """A path for a member who lost the password. Whoever has it signs in as them, so it reaches only so far."""
    _require_reach(membership.user, by)
    project = membership.project
    project.record("linked", membership, by=by, name=str(membership.user))
    return password_path(membership.user)


def _require_reach(user: Any, by: Any) -> None:
    """A link is a key to all that its user may do: nobody makes one to more than they administer themselves."""
    if by.is_superuser:
        return
    if user.is_superuser or user.is_staff:
        raise Refused(
            f"{user} administers this installation; only another administrator can make such a link."
        )
    administered = Project.objects.administered_by(by)
    if user.memberships.exclude(project__in=administered).exists():
        raise Refused(
            f"{user} has a role in a project that you do not administer, so a link would open that as well; "
            "ask the administrator of this installation."
        )
    if not user.is_active:
        raise Refused(f"{user} cannot sign in here.")
