"""Links that read an export without a password, for as long as their makers may."""

import json
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from curation.models import Event, Export, Link, Membership, Project, Token, store
from tests.curation.exporting import DATA, mix, publish

API = "/api/v1/projects/default/exports/mix/1/links"
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def export(project, version, user):
    version("books", "one", "two", "three")
    mix(project, user)
    return publish(project, user)


@pytest.fixture
def viewer(member):
    return member("viewer")


@pytest.fixture
def link(export, viewer):
    return Link.objects.make(export, 7, by=viewer)


def body(answer):
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def refusal(client, link, status=403, path="README.md", **headers):
    answer = client.get(link.path(path), headers=headers)
    assert answer.status_code == status and answer["Content-Type"].startswith("text/plain")
    return body(answer).decode()


def test_whoever_has_the_link_reads_the_files(client, link, export):
    assert link.path(DATA).startswith("/d/") and link.path(DATA).endswith(f"/mix-1/{DATA}")
    assert "sesame" not in link.path() and "wnw_" not in link.path() and "?" not in link.path()
    with store().open(f"{export.folder}/{DATA}") as file:
        whole = file.read()
    answer = client.get(link.path(DATA))
    assert (answer.status_code, body(answer)) == (200, whole) and "Set-Cookie" not in answer
    part = client.get(link.path(DATA), headers={"Range": "bytes=4-9"})
    assert (part.status_code, body(part)) == (206, whole[4:10])
    assert client.head(link.path(DATA))["Content-Length"] == str(len(whole))
    assert Link.objects.get().last_used and client.post(link.path(DATA)).status_code == 405


def test_asked_again_it_is_the_same_link_until_half_of_its_life(export, viewer, link):
    assert Link.objects.make(export, 7, by=viewer) == link
    assert Link.objects.make(export, 30, by=viewer) != link
    Link.objects.filter(pk=link.pk).update(expires=timezone.now() + timedelta(days=3))
    assert Link.objects.make(export, 7, by=viewer) != link
    assert Event.objects.filter(verb="shared").count() == 3


@pytest.mark.parametrize(
    "changed",
    [
        lambda path: path.replace("/d/", "/d/1"),
        lambda path: path.replace(".", "x", 1),
        lambda path: path.replace("/mix-1/", "/mix-2/"),
        lambda path: path.replace("/mix-1/", "A/mix-1/"),
        lambda path: f"/d/999.{path.split('.', 1)[1]}",
        lambda path: "/d/1/mix-1/README.md",
        lambda path: "/d/.sig/mix-1/README.md",
    ],
)
def test_a_changed_address_opens_nothing(client, link, changed):
    answer = client.get(changed(link.path("README.md")))
    assert answer.status_code == 404 and "cut short or changed" in body(answer).decode()


@pytest.mark.parametrize(
    "path",
    ["nope", "../mix-1/README.md", "../../../secret-key", "sft_messages/data", "%2e%2e/secret-key", "a//b"],
)
def test_only_what_the_manifest_names_is_read(client, link, path):
    assert client.get(link.path() + path).status_code == 404


def test_a_link_ends_with_a_sentence_even_for_a_download_half_done(client, link):
    begun = client.get(link.path(DATA))
    first = next(iter(begun.streaming_content))
    Link.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert first + b"".join(begun.streaming_content)
    assert "ended on" in refusal(client, link, path=DATA, Range=f"bytes={len(first)}-")


def test_a_link_ends_with_what_its_maker_may(client, link, viewer, project, member):
    Membership.objects.filter(user=viewer).update(role="annotator")
    assert "may not read it any more" in refusal(client, link)
    Membership.objects.filter(user=viewer).update(role="viewer")
    assert client.get(link.path("README.md")).status_code == 200
    viewer.is_active = False
    viewer.save()
    assert "may not read it any more" in refusal(client, link)


def test_whoever_is_removed_takes_the_links_with_them(client, link, viewer, project, member):
    Membership.objects.remove(Membership.objects.get(user=viewer), by=member("admin"))
    assert "was revoked" in refusal(client, link)
    Membership.objects.create(project=project, user=viewer, role="viewer")
    assert "was revoked" in refusal(client, link)


def test_withdrawn_and_withheld_files_are_not_read_by_links(client, link, export, user, monkeypatch):
    monkeypatch.setattr("curation.views.links.withheld", lambda export: f"{export} is withheld: spiders.")
    assert "spiders" in refusal(client, link)
    Export.objects.all().withdraw("a leak", by=user)
    assert "was withdrawn: a leak" in refusal(client, link, status=410)


def test_who_holds_a_revoked_link_learns_nothing_more_of_the_export(client, link, export, user):
    Export.objects.filter(pk=export.pk).withdraw("the licence was misread", by=user)
    assert "misread" in refusal(client, link, 410)
    Link.objects.filter(pk=link.pk).revoke(by=user)
    assert "misread" not in refusal(client, link, 403)


def test_the_address_of_a_link_is_not_written_into_the_log(client, link, caplog):
    refusal(client, link, 404, "no-such-file")
    assert link.path("").split("/")[2] not in caplog.text


def test_a_link_is_made_on_the_page_and_shown_to_its_maker_alone(client, export, viewer, member):
    client.force_login(viewer, backend=BACKEND)
    made = client.post(reverse("link-new", args=["default", "mix", 1]), {"days": "1"})
    assert made.status_code == 302 and made.url.endswith("#links")
    (link,) = Link.objects.all()
    page = client.get(export.get_absolute_url()).content.decode()
    assert f"http://testserver{link.path()}" in page
    client.force_login(member("admin"), backend=BACKEND)
    page = client.get(export.get_absolute_url()).content.decode()
    assert link.path() not in page and "shown to viewer-1" in page
    client.force_login(member("curator"), backend=BACKEND)
    assert "shown to viewer-1" not in client.get(export.get_absolute_url()).content.decode()


@pytest.mark.parametrize("days", ["", "2", "366", "x", "9" * 30])
def test_a_link_lives_one_seven_or_thirty_days(client, export, viewer, days):
    client.force_login(viewer, backend=BACKEND)
    answer = client.post(reverse("link-new", args=["default", "mix", 1]), {"days": days})
    assert answer.status_code == 422 and "1, 7 or 30 days" in answer.content.decode()
    assert not Link.objects.exists()


def test_one_revokes_ones_own_and_an_admin_all(client, link, viewer, member, export, project):
    revoke = reverse("link-revoke", args=["default", link.pk])
    client.force_login(member("curator"), backend=BACKEND)
    assert client.post(revoke).status_code == 403 and not link.closed
    client.force_login(member("admin"), backend=BACKEND)
    assert client.post(revoke).status_code == 302
    assert "was revoked" in refusal(client, link)
    again = Link.objects.make(export, 7, by=viewer)
    assert again != link
    client.force_login(viewer, backend=BACKEND)
    assert "1 of yours is live" in client.get(reverse("tokens", args=["default"])).content.decode()
    client.post(reverse("links-revoke", args=["default"]))
    assert "was revoked" in refusal(client, again)
    assert Event.objects.filter(verb="unshared").count() == 2


def test_the_audit_log_tells_of_links_without_their_addresses(client, link, member):
    client.force_login(member("admin"), backend=BACKEND)
    page = client.get(reverse("audit", args=["default"])).content.decode()
    assert "made a link to" in page and "for 7 days" in page and link.path().split("/")[2] not in page


def test_the_api_makes_lists_and_revokes_links(client, export, viewer, project):
    client.force_login(viewer, backend=BACKEND)

    def make(headers=None, **more):
        return client.post(API, json.dumps(more), "application/json", headers=headers or {})

    made = make(days=1)
    assert made.status_code == 201
    assert client.get(made.json()["address"] + "README.md").status_code == 200
    assert make(days=3).status_code == 422
    (listed,) = client.get(API).json()
    assert listed["of"] == "viewer-1" and "address" not in listed
    assert client.delete(f"/api/v1/projects/default/links/{listed['id']}").status_code == 204
    assert client.get(API).json() == []
    client.logout()
    for scopes, days, status in (
        (["write"], 1, 422),
        (["write", "read"], 7, 422),
        (["write", "read"], 1, 201),
    ):
        _, secret = Token.objects.issue(project, "x", scopes, days=3, by=viewer)
        assert make({"Authorization": f"Bearer {secret}"}, days=days).status_code == status


def test_links_of_another_project_are_not_found(client, link, member):
    theirs = Project.objects.create(name="theirs")
    client.force_login(member("admin", of=theirs), backend=BACKEND)
    assert client.post(reverse("link-revoke", args=["theirs", link.pk])).status_code == 404
    assert client.delete(f"/api/v1/projects/theirs/links/{link.pk}").status_code == 404


def test_a_token_for_exports_reads_no_story_of_a_row(client, export, viewer, project):
    (row, *_) = [row for batch in export.version.batches(["id"]) for row in batch.to_pylist()]
    at = f"/api/v1/projects/default/exports/mix/1/rows/{row['id']}"
    for scope, status in (("export", 403), ("read", 200)):
        _, secret = Token.objects.issue(project, "cluster", [scope], days=3, by=viewer)
        assert client.get(at, headers={"Authorization": f"Bearer {secret}"}).status_code == status


def test_a_narrow_token_reads_its_exports_alone(client, export, viewer, project, user):
    publish(project, user)
    client.force_login(viewer, backend=BACKEND)
    page = client.get(reverse("tokens", args=["default"]), {"only": "mix/1"}).content.decode()
    assert '<option value="mix/1" selected>mix export 1 alone' in page
    sent = {"name": "one", "scopes": ["export"], "days": "3", "only": "mix/1"}
    made = client.post(reverse("token-new", args=["default"]), sent).content.decode()
    secret = made.split('id="secret-text" class="secret">')[1].split("<")[0]
    assert "export: mix export 1" in made
    client.logout()
    headers, at = {"Authorization": f"Bearer {secret}"}, "/api/v1/projects/default/exports"
    assert client.get(f"{at}/mix/1/files/README.md", headers=headers).status_code == 200
    assert client.get(f"{at}/mix/2/files/README.md", headers=headers).status_code == 404
    assert [one["number"] for one in client.get(at, headers=headers).json()["items"]] == [1]


@pytest.mark.parametrize(
    ("scopes", "only", "sentence"),
    [
        (["read", "export"], "mix", "choose the scope export"),
        (["export"], "none", "There is no mixture none"),
        (["export"], "mix/7", "mix has no export 7"),
        (["export"], "mix/٣", "mix has no export"),
    ],
)
def test_a_narrow_token_for_nothing_is_refused(client, export, viewer, scopes, only, sentence):
    client.force_login(viewer, backend=BACKEND)
    body = json.dumps({"name": "x", "scopes": scopes, "days": 3, "only": only})
    answer = client.post("/api/v1/projects/default/tokens", body, "application/json")
    assert answer.status_code == 422 and sentence in answer.json()["detail"]
