from copy import copy
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from sesame.utils import get_query_string

from curation.models import Token
from curation.views import account

BACKEND = "django.contrib.auth.backends.ModelBackend"
PHRASE = "a long enough phrase"


def link(*options):
    out = StringIO()
    call_command("login_link", *options, stdout=out)
    return out.getvalue().strip().removeprefix("http://127.0.0.1:8000")


def test_a_login_link_signs_in_once(client, member):
    path = reverse("login-link") + get_query_string(member("curator"))
    assert client.get(path).url == "/"
    client.logout()
    spent = client.get(path)
    assert spent.status_code == 403 and "was used before" in spent.content.decode()


def test_of_two_who_use_a_link_at_once_one_gets_in(member, monkeypatch):
    person = member("curator")
    monkeypatch.setattr(account.Links, "authenticate", lambda *_: copy(person))  # both looked first
    answers = [Client().get(reverse("login-link"), {"sesame": "x"}).status_code for _ in range(2)]
    assert answers == [302, 403]


def test_wrong_links_do_not_close_the_door_to_good_ones(client, member):
    path = reverse("login-link") + get_query_string(member("curator"))
    for _ in range(6):
        assert client.get(reverse("login-link"), {"sesame": "wrong"}).status_code == 403
    assert client.get(path).url == "/"


def test_the_shell_prints_both_kinds_of_links(client, member):
    member("curator")
    assert client.get(link("--user", "curator-1")).url == "/"
    client.logout()
    path = link("curator-1", "--reset")
    form = client.get(path, follow=True)
    new = {"new_password1": "another long phrase", "new_password2": "another long phrase"}
    client.post(form.redirect_chain[-1][0], new)
    assert client.get("/account/").status_code == 200
    assert "was used before" in Client().get(path, follow=True).content.decode()
    with pytest.raises(CommandError, match="no active user nobody"):
        link("--user", "nobody")


def test_a_new_login_makes_an_open_reset_link_void(client, member):
    member("curator")
    path = link("curator-1", "--reset")
    client.post("/login/", {"username": "curator-1", "password": PHRASE})
    assert "was used before" in Client().get(path, follow=True).content.decode()


def test_a_wrong_password_is_answered_with_what_to_do(client, member):
    member("curator")
    page = client.post("/login/", {"username": "curator-1", "password": "wrong"})
    assert page.status_code == 200 and "login_link" in page.content.decode()


def test_five_wrong_passwords_close_the_name_for_a_while(client, member):
    member("curator")
    for _ in range(5):
        last = client.post("/login/", {"username": "curator-1", "password": "wrong"})
    assert last.status_code == 429 and "Too many wrong passwords" in last.content.decode()
    right = client.post("/login/", {"username": "curator-1", "password": PHRASE})
    assert right.status_code == 429
    assert client.get(link("curator-1")).url == "/"


def test_a_post_without_its_token_is_explained(member):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(member("curator"), backend=BACKEND)
    answer = strict.post("/account/", {})
    assert answer.status_code == 403 and "open for too long" in answer.content.decode()


def test_the_password_is_changed_and_a_wrong_one_refused(client, curator):
    wrong = {
        "old_password": "no",
        "new_password1": "something quite new",
        "new_password2": "something quite new",
    }
    answer = client.post("/account/", wrong)
    assert answer.status_code == 422 and "entered incorrectly" in answer.content.decode()
    assert client.post("/account/", wrong | {"old_password": PHRASE}).url == "/account/"
    assert client.get("/account/").status_code == 200
    curator.refresh_from_db()
    assert curator.check_password("something quite new")


def test_who_came_by_a_link_sets_a_first_password(client, member):
    person = member("curator")
    person.set_unusable_password()
    person.save()
    client.get(link("curator-1"))
    page = client.get("/account/").content.decode()
    assert "Set a password" in page and "old_password" not in page


def test_the_account_shows_roles_and_tokens_of_all_projects(client, curator, project):
    Token.objects.issue(project, "cluster north", ["read"], days=3, by=curator)
    old, _ = Token.objects.issue(project, "long gone", ["read"], days=3, by=curator)
    old.revoke(by=curator)
    page = client.get("/account/").content.decode()
    assert "cluster north" in page and "long gone" not in page and "ends soon" in page
