import json

import pytest
from django.urls import reverse
from sesame.utils import get_query_string

from curation import jobs
from curation.models import Event, Membership, Project, Run
from tests.conftest import Nothing

JOB = jobs.register(jobs.Job("idle", (jobs.Stage("idle", lambda part: None),)))


@pytest.fixture
def run(project):
    return jobs.start(JOB, project=project, config=Nothing(), subject="prompts")


@pytest.fixture
def member(django_user_model, project):
    user = django_user_model.objects.create_user("curator-1", password="a long enough phrase")
    Membership.objects.create(project=project, user=user, role=Membership.Role.CURATOR)
    return user


@pytest.fixture
def stranger(django_user_model, db):
    user = django_user_model.objects.create_user("curator-2")
    Membership.objects.create(project=Project.objects.create(name="theirs"), user=user, role="admin")
    return user


@pytest.mark.parametrize("path", ["/", "/runs/", "/runs/1/", "/api/v1/docs", "/api/v1/openapi.json"])
def test_nobody_sees_anything_without_signing_in(client, db, path):
    response = client.get(path, follow=True)
    assert response.redirect_chain[-1][0].startswith("/login/") or response.status_code == 401


def test_the_api_answers_401_without_a_session(client, db):
    assert client.get("/api/v1/runs").status_code == 401


def test_a_member_sees_the_runs_of_the_project_and_a_stranger_does_not(client, run, member, stranger):
    client.force_login(member)
    assert "idle prompts" in client.get("/runs/").content.decode()
    assert client.get(run.get_absolute_url()).status_code == 200
    assert [row["id"] for row in client.get("/api/v1/runs").json()["items"]] == [run.pk]
    client.force_login(stranger)
    assert "idle prompts" not in client.get("/runs/").content.decode()
    assert client.get(run.get_absolute_url()).status_code == 404
    assert client.get(f"/api/v1/runs/{run.pk}").status_code == 404
    assert client.post(f"/runs/{run.pk}/cancel/").status_code == 404


def test_a_run_is_cancelled_and_resumed_from_its_page(client, run, member):
    client.force_login(member)
    client.post(f"/runs/{run.pk}/cancel/")
    assert Run.objects.get(pk=run.pk).status == "cancelled"
    client.post(f"/runs/{run.pk}/resume/")
    assert Run.objects.get(pk=run.pk).status == "running"
    assert list(Event.objects.order_by("pk").values_list("verb", "who__username")) == [
        ("cancelled", "curator-1"),
        ("resumed", "curator-1"),
    ]


def test_a_run_is_not_turned_by_a_link(client, run, member):
    client.force_login(member)
    assert client.get(f"/runs/{run.pk}/cancel/").status_code == 405
    assert client.post(f"/runs/{run.pk}/explode/").status_code == 404


def test_the_api_tells_what_a_run_read_and_made(client, version, member):
    made = version("prompts", "one", "two")
    client.force_login(member)
    told = client.get(f"/api/v1/runs/{made.run_id}").json()
    assert (told["status"], told["outputs"], told["progress"]["parts_done"]) == ("done", ["prompts@1"], 1)
    (listed,) = client.get("/api/v1/versions").json()["items"]
    assert (listed["name"], listed["rows"], listed["content_hash"]) == ("prompts@1", 2, made.content_hash)


def test_a_login_link_signs_in_once(client, member):
    link = reverse("login-link") + get_query_string(member)
    assert client.get(link).url == "/"
    client.logout()
    spent = client.get(link)
    assert spent.status_code == 403 and "was used before" in spent.content.decode()


def test_a_wrong_password_is_answered_with_what_to_do(client, member):
    page = client.post("/login/", {"username": "curator-1", "password": "wrong"})
    assert page.status_code == 200 and "login_link" in page.content.decode()


def test_the_shell_cannot_sign_in(client, user):
    assert not user.is_active and not user.has_usable_password()
    assert client.get(reverse("login-link") + get_query_string(user)).status_code == 403


def test_the_openapi_page_lists_what_there_is(client, member):
    client.force_login(member)
    paths = json.loads(client.get("/api/v1/openapi.json").content)["paths"]
    assert set(paths) == {"/api/v1/runs", "/api/v1/runs/{pk}", "/api/v1/versions"}


def test_what_was_stored_is_shown_as_text(client, project, member):
    run = jobs.start(JOB, project=project, config=Nothing(), subject="<script>alert(1)</script>")
    run.fail("<img src=x onerror=alert(1)>")
    client.force_login(member)
    for path in ("/runs/", run.get_absolute_url()):
        page = client.get(path).content.decode()
        assert "<script>alert" not in page and "<img src=x" not in page


@pytest.mark.parametrize(
    ("role", "sees", "steers"),
    [("admin", True, True), ("curator", True, True), ("viewer", True, False), ("annotator", False, False)],
)
def test_what_each_role_may_do_with_a_run(client, run, django_user_model, role, sees, steers):
    user = django_user_model.objects.create_user("somebody")
    Membership.objects.create(project=run.project, user=user, role=role)
    client.force_login(user)
    page = client.get(run.get_absolute_url())
    assert (page.status_code == 200) == sees
    assert ("Cancel run" in page.content.decode()) == steers
    assert len(client.get("/api/v1/runs").json()["items"]) == (1 if sees else 0)
    client.post(f"/runs/{run.pk}/cancel/")
    assert (Run.objects.get(pk=run.pk).status == "cancelled") == steers


def test_a_user_who_takes_the_name_of_the_shell_gets_nothing_by_it(client, run, user):
    user.is_active = True
    user.save()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(run.get_absolute_url()).status_code == 404
