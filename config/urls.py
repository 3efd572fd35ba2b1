from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from config.api import api
from config.views import api_page

api_urls = api.urls
for pattern in api_urls[0]:
    assert pattern.callback
    login_not_required(
        pattern.callback
    )  # the API answers 401 itself instead of showing a program the sign-in page

urlpatterns = [
    path("", include("curation.urls")),
    path("", include("decontam.urls")),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("api/v1/docs", api_page, name="api-page"),
    path("api/v1/", api_urls),
    path("admin/", admin.site.urls),
]
