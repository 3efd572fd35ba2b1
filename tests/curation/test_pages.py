import json

import pytest
from django.urls import reverse
from sesame.utils import get_query_string

from curation import jobs
from curation.models import Event, Membership, Project, Run
from tests.conftest import Nothing

JOB = jobs.register(jobs.Job("idle", (jobs.Stage("idle", lambda part: None),)))
RUNS = "/p/default/runs/"


@pytest.fixture
def run(project):
    return jobs.start(JOB, project=project, config=Nothing(), subject="prompts")


@pytest.fixture
def stranger(django_user_model, db):
    user = django_user_model.objects.create_user("curator-2")
    Membership.objects.create(project=Project.objects.create(name="theirs"), user=user, role="admin")
    return user


@pytest.mark.parametrize(
    "path", ["/", "/p/default/", RUNS, f"{RUNS}1/", "/account/", "/api/v1/docs", "/api/v1/openapi.json"]
)
def test_nobody_sees_anything_without_signing_in(client, project, path):
    response = client.get(path, follow=True)
    assert response.redirect_chain[-1][0].startswith("/login/") or response.status_code == 401


def test_the_api_answers_401_without_a_session(client, project):
    assert client.get("/api/v1/projects/default/runs").status_code == 401


def test_a_member_sees_the_runs_of_the_project_and_a_stranger_does_not(client, run, curator, stranger):
    assert "Idle prompts" in client.get(RUNS).content.decode()
    assert client.get(run.get_absolute_url()).status_code == 200
    assert [row["id"] for row in client.get("/api/v1/projects/default/runs").json()["items"]] == [run.pk]
    client.force_login(stranger, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(RUNS).status_code == 404
    assert client.get(run.get_absolute_url()).status_code == 404
    assert client.get(f"/p/theirs/runs/{run.pk}/").status_code == 404
    assert client.get(f"/api/v1/projects/default/runs/{run.pk}").status_code == 404
    assert client.get(f"/api/v1/projects/theirs/runs/{run.pk}").status_code == 404
    assert client.post(f"{RUNS}{run.pk}/cancel/").status_code == 404


def test_a_run_is_cancelled_and_resumed_from_its_page(client, run, curator):
    client.post(f"{RUNS}{run.pk}/cancel/")
    assert Run.objects.get(pk=run.pk).status == "cancelled"
    client.post(f"{RUNS}{run.pk}/resume/")
    assert Run.objects.get(pk=run.pk).status == "running"
    assert list(Event.objects.order_by("pk").values_list("verb", "who__username")) == [
        ("cancelled", "curator-1"),
        ("resumed", "curator-1"),
    ]


def test_a_run_is_not_turned_by_a_link(client, run, curator):
    assert client.get(f"{RUNS}{run.pk}/cancel/").status_code == 405
    assert client.post(f"{RUNS}{run.pk}/explode/").status_code == 404


def test_the_api_tells_what_a_run_read_and_made(client, version, curator):
    made = version("prompts", "one", "two")
    told = client.get(f"/api/v1/projects/default/runs/{made.run_id}").json()
    assert (told["status"], told["outputs"], told["progress"]["parts_done"]) == ("done", ["prompts@1"], 1)
    assert [(stage["name"], stage["state"], stage["share"]) for stage in told["stages"]] == [
        ("given", "done", 1.0)
    ]


def test_the_shell_cannot_sign_in(client, user):
    assert not user.is_active and not user.has_usable_password()
    assert client.get(reverse("login-link") + get_query_string(user)).status_code == 403


def test_the_openapi_description_names_every_operation_of_the_hub(client, curator):
    paths = json.loads(client.get("/api/v1/openapi.json").content)["paths"]
    of_project = "/api/v1/projects/{project}"
    assert {
        "/api/v1/projects",
        f"{of_project}/runs",
        f"{of_project}/runs/{{pk}}/resume",
        f"{of_project}/people",
        f"{of_project}/tokens",
        f"{of_project}/events",
    } <= set(paths)


def test_what_was_stored_is_shown_as_text(client, project, curator):
    run = jobs.start(JOB, project=project, config=Nothing(), subject="<script>alert(1)</script>")
    run.fail("<img src=x onerror=alert(1)>")
    run.lines.create(text="<b>bold</b>\u202e")
    for path in (RUNS, run.get_absolute_url(), f"{run.get_absolute_url()}parts/", "/p/default/"):
        page = client.get(path).content.decode()
        assert "<script>alert" not in page and "<img src=x" not in page and "<b>bold" not in page


@pytest.mark.parametrize(
    ("role", "sees", "steers"),
    [("admin", True, True), ("curator", True, True), ("viewer", True, False), ("annotator", False, False)],
)
def test_what_each_role_may_do_with_a_run(client, run, member, role, sees, steers):
    client.force_login(member(role), backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(run.get_absolute_url())
    assert (page.status_code == 200) == sees
    assert ("Cancel run" in page.content.decode()) == steers
    assert client.get("/api/v1/projects/default/runs").status_code == (200 if sees else 404)
    client.post(f"{RUNS}{run.pk}/cancel/")
    assert (Run.objects.get(pk=run.pk).status == "cancelled") == steers


def test_a_user_who_takes_the_name_of_the_shell_gets_nothing_by_it(client, run, user):
    user.is_active = True
    user.save()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(run.get_absolute_url()).status_code == 404


def test_home_goes_to_the_one_project_and_lists_several(client, curator):
    assert client.get("/").url == "/p/default/"
    other = Project.objects.create(name="other")
    Membership.objects.create(project=other, user=curator, role="viewer")
    page = client.get("/").content.decode()
    assert 'href="/p/other/"' in page and "viewer" in page


def test_only_an_administrator_opens_a_project(client, curator):
    assert client.post("/projects/new/", {"name": "mine"}).status_code == 403
    curator.is_superuser = True
    curator.save()
    assert client.post("/projects/new/", {"name": "mine"}).url == "/p/mine/"
    assert Event.objects.get(verb="opened").label == "mine"
    refused = client.post("/projects/new/", {"name": "no good"}, follow=True)
    assert "letters" in refused.content.decode()


def test_the_api_lists_projects_that_one_is_a_member_of(client, curator, stranger):
    assert [one["name"] for one in client.get("/api/v1/projects").json()] == ["default"]
