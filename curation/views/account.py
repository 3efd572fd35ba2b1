from typing import Any

from django.contrib import messages
from django.contrib.auth import get_user_model, login, update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.contrib.auth.views import LoginView, PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods
from sesame.backends import ModelBackend as Links

sign_in = LoginView.as_view(template_name="registration/login.html")
set_password = PasswordResetConfirmView.as_view(
    template_name="registration/set_password.html",
    post_reset_login=True,
    post_reset_login_backend="django.contrib.auth.backends.ModelBackend",
    success_url=reverse_lazy("home"),
)


@login_not_required
@never_cache
@require_GET
def login_link(request: HttpRequest) -> HttpResponse:
    """A link from the terminal signs in once. Nobody guesses one, so wrong ones lock no others out."""
    user = Links().authenticate(request, request.GET.get("sesame"))
    if user is None or not _spent_now(user):
        return render(request, "registration/link_spent.html", status=403)
    login(request, user, backend="sesame.backends.ModelBackend")
    return redirect("home")


def _spent_now(user: Any) -> bool:
    """A link is good for one last login; of those who use it at the same moment, the first changes that."""
    same = get_user_model().objects.filter(pk=user.pk, last_login=user.last_login)
    return bool(same.update(last_login=timezone.now()))


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Your name, your roles, your password. Whoever came by a link sets a first password here."""
    user: Any = request.user
    known = user.has_usable_password()
    form = (PasswordChangeForm if known else SetPasswordForm)(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        update_session_auth_hash(request, form.save())
        messages.success(request, "Your password is changed; other sessions of yours are signed out.")
        return redirect("account")
    roles = user.memberships.select_related("project").order_by("project__name")
    tokens = (
        user.tokens.filter(revoked=None)
        .select_related("project", "mixture", "export__mixture")
        .order_by("expires")
    )
    status = 422 if form.errors else 200
    context = {"form": form, "known": known, "roles": roles, "tokens": tokens}
    return render(request, "curation/account.html", context, status=status)
