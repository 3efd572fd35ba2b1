from django.urls import path

from curation.hub import views

app_name = "hub"
REPOSITORY = "<slug:project>/<slug:mixture>"
API = f"api/datasets/{REPOSITORY}"

urlpatterns = [
    path("api/whoami-v2", views.whoami, name="whoami"),
    path(API, views.info, name="info"),
    path(f"{API}/revision/<path:revision>", views.info, name="revision"),
    path(f"{API}/tree/<str:revision>", views.tree, name="tree"),
    path(f"{API}/tree/<str:revision>/<path:path>", views.tree, name="folder"),
    path(f"{API}/paths-info/<path:revision>", views.paths_info, name="paths-info"),
    path(f"{API}/refs", views.refs, name="refs"),
    path(f"{API}/croissant", views.croissant, name="croissant"),
    path(f"{API}/auth-check", views.auth_check, name="auth-check"),
    path(f"datasets/{REPOSITORY}/resolve/<str:revision>/<path:path>", views.resolve, name="resolve"),
    path("<path:path>", views.nothing, name="nothing"),
    path("", views.nothing, name="root"),
]
