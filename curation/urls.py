from django.urls import path

from curation import views

urlpatterns = [
    path("login/link/", views.login_link, name="login-link"),
    path("runs/", views.runs, name="runs"),
    path("runs/<int:pk>/", views.run, name="run"),
    path("runs/<int:pk>/<str:verb>/", views.turn_run, name="turn-run"),
]
