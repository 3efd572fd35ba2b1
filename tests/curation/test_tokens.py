from datetime import timedelta

import pytest
from django.utils import timezone

from curation.models import Project, Token

AT = "/p/default/tokens/"
RUNS = "/api/v1/projects/default/runs"
BACKEND = "django.contrib.auth.backends.ModelBackend"


def bearer(secret):
    return {"Authorization": f"Bearer {secret}"}


def issue(project, by, *scopes, days=30):
    return Token.objects.issue(project, "script", scopes or ["read"], days=days, by=by)


def test_a_secret_is_told_once_and_kept_by_nobody(client, curator):
    answer = client.post(f"{AT}new/", {"name": "cluster", "scopes": ["read", "export"], "days": "30"})
    page = answer.content.decode()
    token = Token.objects.get()
    secret = page.split('id="secret-text" class="secret">')[1].split("<")[0]
    assert (
        answer.status_code == 200
        and "no-store" in answer["Cache-Control"]
        and 'data-copy="secret-text"' in page
    )
    assert Token.objects.presented(secret) == token and token.scopes == ["read", "export"]
    assert secret not in str(vars(token)) and secret not in str(client.session.items())
    assert secret not in client.get(AT).content.decode() and token.shown in client.get(AT).content.decode()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"name": "x", "scopes": [], "days": "30"}, "A token needs scopes"),
        ({"name": "x", "scopes": ["root"], "days": "30"}, "A token needs scopes"),
        ({"name": " ", "scopes": ["read"], "days": "30"}, "Say what the token is for"),
        ({"name": "x", "scopes": ["read"], "days": "900"}, "A token lasts 1 to 366 days"),
        ({"name": "x", "scopes": ["read"], "days": "soon"}, "A token lasts 1 to 366 days"),
    ],
)
def test_a_wrong_token_is_refused_and_loses_nothing(client, curator, data, sentence):
    answer = client.post(f"{AT}new/", data)
    page = answer.content.decode()
    assert answer.status_code == 422 and sentence in page and f'value="{data["name"]}"' in page
    assert not Token.objects.exists()


def test_a_token_reads_but_writes_only_with_the_scope(client, member, project):
    person = member("curator")
    _, reading = issue(project, person)
    _, writing = issue(project, person, "read", "write")
    assert client.get(RUNS, headers=bearer(reading)).status_code == 200
    refused = client.post(f"{RUNS}/1/cancel", headers=bearer(reading))
    assert refused.status_code == 403 and "lacks the scope write" in str(refused.json())
    assert client.post(f"{RUNS}/1/cancel", headers=bearer(writing)).status_code == 404
    assert Token.objects.exclude(last_used=None).count() == 2


def test_a_token_does_no_more_than_its_user_and_its_project(client, member, project):
    viewer = member("viewer")
    _, secret = issue(project, viewer, "read", "write")
    other = Project.objects.create(name="other")
    other.memberships.create(user=viewer, role="admin")
    assert client.post(f"{RUNS}/1/cancel", headers=bearer(secret)).status_code == 403
    assert client.get("/api/v1/projects/other/runs", headers=bearer(secret)).status_code == 404
    assert [one["name"] for one in client.get("/api/v1/projects", headers=bearer(secret)).json()] == [
        "default"
    ]


def test_expired_revoked_unknown_and_disabled_are_401(client, member, project):
    person = member("curator")
    token, secret = issue(project, person)
    assert client.get(RUNS, headers=bearer(secret)).status_code == 200
    Token.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert client.get(RUNS, headers=bearer(secret)).status_code == 401
    Token.objects.update(expires=timezone.now() + timedelta(days=1))
    person.is_active = False
    person.save()
    assert client.get(RUNS, headers=bearer(secret)).status_code == 401
    person.is_active = True
    person.save()
    token.revoke(by=person)
    assert client.get(RUNS, headers=bearer(secret)).status_code == 401
    assert client.get(RUNS, headers=bearer("wnw_wrong")).status_code == 401


def test_one_sees_and_revokes_ones_own_and_an_admin_all(client, member, project):
    mine, theirs = member("viewer"), member("curator")
    own, _ = issue(project, mine)
    other, _ = Token.objects.issue(project, "of somebody else", ["read"], days=3, by=theirs)
    client.force_login(mine, backend=BACKEND)
    assert "of somebody else" not in client.get(AT).content.decode()
    assert client.post(f"{AT}{other.pk}/revoke/").status_code == 403
    assert client.post(f"{AT}{own.pk}/revoke/").url == AT
    client.force_login(member("admin"), backend=BACKEND)
    assert "of somebody else" in client.get(AT).content.decode()
    client.post(f"{AT}{other.pk}/revoke/")
    assert Token.objects.filter(revoked=None).count() == 0


def test_tokens_of_another_project_are_not_found(client, curator, member):
    theirs = Project.objects.create(name="theirs")
    token, _ = issue(theirs, curator)
    assert client.post(f"{AT}{token.pk}/revoke/").status_code == 404


def test_the_api_makes_lists_and_revokes(client, curator):
    at = "/api/v1/projects/default/tokens"
    made = client.post(at, {"name": "x", "scopes": ["read"], "days": 5}, content_type="application/json")
    assert made.status_code == 201 and Token.objects.presented(made.json()["secret"])
    (listed,) = client.get(at).json()
    assert listed["of"] == "curator-1" and "secret" not in listed and "digest" not in listed
    assert client.delete(f"{at}/{listed['id']}").status_code == 204
    assert client.get(at).json()[0]["revoked"]


def test_a_token_makes_no_token_that_can_do_more(client, member, project):
    _, secret = issue(project, member("curator"), "read", "write", days=10)
    at, headers = "/api/v1/projects/default/tokens", bearer(secret)
    for more in ({"scopes": ["export"], "days": 5}, {"scopes": ["read"], "days": 90}):
        answer = client.post(at, {"name": "x", **more}, content_type="application/json", headers=headers)
        assert answer.status_code == 422 and "stays within that" in answer.json()["detail"]
    within = {"name": "x", "scopes": ["read"], "days": 5}
    assert client.post(at, within, content_type="application/json", headers=headers).status_code == 201


def test_a_token_makes_no_link_to_sign_in_with(client, member, project):
    admin = member("admin")
    admin.is_superuser = True
    admin.save()
    _, secret = issue(project, admin, "read", "write")
    own = f"/api/v1/projects/default/people/{admin.memberships.get().pk}/link"
    answer = client.post(own, headers=bearer(secret))
    assert answer.status_code == 422 and "sign in to make one" in answer.json()["detail"]
    client.force_login(admin, backend=BACKEND)
    assert client.post(own).status_code == 200


def test_the_list_of_tokens_takes_a_constant_number_of_queries(
    client, curator, project, django_assert_max_num_queries
):
    for _ in range(10):
        issue(project, curator)
    with django_assert_max_num_queries(9):
        assert client.get(AT).status_code == 200
