import pytest

from curation.engine.errors import BadConfig, Refused
from curation.models import Event, Membership, Project, Token

AT = "/p/default/people/"
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def admin(client, member):
    person = member("admin")
    client.force_login(person, backend=BACKEND)
    return person


def path_of(page):
    """The path of the link that a page shows."""
    return page.split("http://testserver", 1)[1].split("<", 1)[0]


def test_a_new_person_gets_a_link_once_and_signs_in_with_it(client, admin, project, django_user_model):
    answer = client.post(f"{AT}invite/", {"name": "reviewer-3", "role": "curator"})
    assert answer.status_code == 200 and "no-store" in answer["Cache-Control"]
    path = path_of(answer.content.decode())
    assert "http://testserver" not in client.get(AT).content.decode()
    client.logout()
    form = client.get(path, follow=True)
    assert "Set your password" in form.content.decode()
    phrase = {"new_password1": "a phrase that is long", "new_password2": "a phrase that is long"}
    assert client.post(form.redirect_chain[-1][0], phrase, follow=True).redirect_chain[-1][0] == "/p/default/"
    client.logout()
    assert "was used before" in client.get(path, follow=True).content.decode()
    assert client.post("/login/", {"username": "reviewer-3", "password": "a phrase that is long"}).url == "/"
    event = Event.objects.get(verb="invited")
    assert (event.who, event.detail) == (admin, {"name": "reviewer-3", "role": "curator"})


def test_who_is_here_already_is_added_without_a_link(client, admin, django_user_model, project):
    django_user_model.objects.create_user("known", password="a long enough phrase")
    answer = client.post(f"{AT}invite/", {"name": "known", "role": "viewer"}, follow=True)
    assert (
        "known is viewer now" in answer.content.decode() and "/login/password/" not in answer.content.decode()
    )


@pytest.mark.parametrize(
    ("name", "role", "sentence"),
    [
        ("two words", "viewer", "This is no name to sign in with"),
        ("", "viewer", "This is no name to sign in with"),
        ("a\0b", "viewer", "This is no name to sign in with"),
        ("fine", "owner", "There is no role"),
        ("admin-1", "viewer", "is admin of default already"),
        ("shell", "viewer", "who acts in the terminal"),
    ],
)
def test_a_wrong_invitation_is_refused_and_loses_nothing(client, admin, user, name, role, sentence):
    answer = client.post(f"{AT}invite/", {"name": name, "role": role})
    page = answer.content.decode()
    assert answer.status_code == 422 and sentence in page
    assert f'value="{name}"' in page or not name or "\0" in name


def test_roles_change_with_an_event_and_the_last_admin_stays(client, admin, member, project):
    viewer = Membership.objects.get(user=member("viewer"))
    client.post(f"{AT}{viewer.pk}/role/", {"role": "curator"})
    viewer.refresh_from_db()
    event = Event.objects.get(verb="role changed")
    assert viewer.role == "curator" and event.detail == {
        "name": "viewer-1",
        "role": "curator",
        "before": "viewer",
    }
    own = Membership.objects.get(user=admin)
    for tail, data in (("role/", {"role": "viewer"}), ("remove/", {})):
        answer = client.post(f"{AT}{own.pk}/{tail}", data)
        assert answer.status_code == 422 and "is the last admin of default" in answer.content.decode()
    client.post(f"{AT}{viewer.pk}/role/", {"role": "admin"})
    assert client.post(f"{AT}{own.pk}/remove/").url == "/"
    assert client.get(AT).status_code == 404


def test_who_is_removed_loses_their_tokens_here(client, admin, member, project):
    person = member("viewer")
    token, secret = Token.objects.issue(project, "script", ["read"], days=3, by=person)
    client.post(f"{AT}{Membership.objects.get(user=person).pk}/remove/")
    token.refresh_from_db()
    assert token.revoked and Token.objects.presented(secret) is None
    assert set(Event.objects.values_list("verb", flat=True)) == {"issued", "revoked", "removed"}


def test_a_lost_password_gets_a_new_link(client, admin, member):
    viewer = Membership.objects.get(user=member("viewer"))
    answer = client.post(f"{AT}{viewer.pk}/link/")
    assert "/login/password/" in answer.content.decode() and "no-store" in answer["Cache-Control"]
    assert Event.objects.get(verb="linked").detail == {"name": "viewer-1"}


def test_a_link_never_reaches_further_than_who_makes_it(client, admin, member, project):
    boss = member("viewer", name="boss")
    boss.is_superuser = True
    boss.save()
    elsewhere = member("viewer", name="elsewhere")
    Membership.objects.create(project=Project.objects.create(name="theirs"), user=elsewhere, role="admin")
    for person, sentence in ((boss, "administers this installation"), (elsewhere, "do not administer")):
        answer = client.post(f"{AT}{Membership.objects.get(user=person, project=project).pk}/link/")
        assert answer.status_code == 422 and sentence in answer.content.decode()
        assert "/login/password/" not in answer.content.decode()


@pytest.mark.parametrize("role", ["curator", "viewer", "annotator"])
def test_only_admins_change_who_may_do_what(client, member, role):
    person = member(role)
    client.force_login(person, backend=BACKEND)
    own = Membership.objects.get(user=person)
    expected = 404 if role == "annotator" else 403
    for tail in ("invite/", f"{own.pk}/role/", f"{own.pk}/remove/", f"{own.pk}/link/"):
        assert client.post(f"{AT}{tail}", {"role": "admin", "name": "x"}).status_code == expected
    page = client.get(AT)
    assert (page.status_code, "Invite</button>" in page.content.decode()) == (
        404 if role == "annotator" else 200,
        False,
    )


def test_members_of_another_project_are_not_found(client, admin, django_user_model):
    theirs = Membership.objects.create(
        project=Project.objects.create(name="theirs"),
        user=django_user_model.objects.create_user("them"),
        role="viewer",
    )
    for tail in ("role/", "remove/", "link/"):
        assert client.post(f"{AT}{theirs.pk}/{tail}", {"role": "admin"}).status_code == 404


def test_membership_changes_roll_back_with_their_event(project, member, admin, monkeypatch):
    viewer = Membership.objects.get(user=member("viewer"))
    monkeypatch.setattr(Project, "record", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Membership.objects.change_role(viewer, "admin", by=admin)
    viewer.refresh_from_db()
    assert viewer.role == "viewer"


def test_who_is_gone_cannot_be_changed(project, member, admin):
    viewer = Membership.objects.get(user=member("viewer"))
    Membership.objects.remove(Membership.objects.get(pk=viewer.pk), by=admin)
    with pytest.raises(Refused, match="no member"):
        Membership.objects.change_role(viewer, "admin", by=admin)
    with pytest.raises(BadConfig):
        Membership.objects.invite(project, "x" * 151, "viewer", by=admin)


def test_the_list_of_people_takes_a_constant_number_of_queries(
    client, admin, member, django_assert_max_num_queries
):
    for number in range(10):
        member("viewer", name=f"viewer-{number}")
    with django_assert_max_num_queries(8):
        assert client.get(AT).status_code == 200


def test_the_api_invites_changes_and_removes(client, admin):
    at = "/api/v1/projects/default/people"
    made = client.post(at, {"name": "new", "role": "viewer"}, content_type="application/json")
    assert made.status_code == 201 and "/login/password/" in made.json()["link"]
    one = f"{at}/{made.json()['member']['id']}"
    assert client.put(one, {"role": "curator"}, content_type="application/json").json()["role"] == "curator"
    assert [person["name"] for person in client.get(at).json()] == ["admin-1", "new"]
    assert "/login/password/" in client.post(f"{one}/link").json()["link"]
    refused = client.put(one, {"role": "king"}, content_type="application/json")
    assert refused.status_code == 422 and "There is no role" in refused.json()["detail"]
    assert client.delete(one).status_code == 204 and client.delete(one).status_code == 404
