from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from django.views.generic import RedirectView

from config.api import api

api_urls = api.urls
for pattern in api_urls[0]:
    assert pattern.callback
    login_not_required(
        pattern.callback
    )  # the API answers 401 itself instead of showing a program the sign-in page

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="runs"), name="home"),
    path("", include("curation.urls")),
    path("login/", LoginView.as_view(template_name="registration/login.html"), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("api/v1/", api_urls),
    path("admin/", admin.site.urls),
]
