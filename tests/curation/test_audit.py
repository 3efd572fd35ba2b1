import pytest

from curation.models import Event, Project

AT = "/p/default/audit/"


@pytest.fixture
def events(project, curator, user):
    for number in range(3):
        Event.objects.record("opened", project, project=project, by=user, number=number)
    project.record("required", project, by=curator, checks=["decontamination"], before=[])


def test_events_are_sentences_with_their_details_folded(client, events):
    page = client.get(AT).content.decode()
    assert "set the checks that exports of" in page and " need: decontamination" in page
    assert "<details" in page and page.index("curator-1") < page.index("opened the project")


def test_the_log_is_filtered_by_person_verb_kind_and_text(client, events, project):
    def shown(query):
        return client.get(f"{AT}?{query}").content.decode().count('<tr id="event-')

    assert [
        shown(query) for query in ("", "who=shell", "verb=required", "kind=run", "text=def", "text=zzz")
    ] == [
        4,
        3,
        1,
        0,
        4,
        0,
    ]
    assert shown(f"text={project.pk}") == 4
    assert "No event is like that" in client.get(f"{AT}?who=nobody").content.decode()


def test_the_log_is_paged_by_key(client, events, monkeypatch):
    monkeypatch.setattr("curation.views.settings.EVENTS", 2)
    first = client.get(f"{AT}?kind=project").content.decode()
    key = Event.objects.all()[1].pk
    assert f"?kind=project&amp;after={key}" in first
    second = client.get(f"{AT}?kind=project&after={key}").content.decode()
    assert second.count('<tr id="event-') == 2 and "before=" in second and "after=" not in second


def test_another_project_has_its_own_log(client, events, user):
    other = Project.objects.create(name="other")
    Event.objects.record("opened", other, project=other, by=user)
    assert 'href="/p/other/"' not in client.get(AT).content.decode()
    assert client.get("/p/other/audit/").status_code == 404


def test_hostile_names_are_shown_as_text(client, curator, project):
    project.record("invited", project, by=curator, name="<script>x</script>", role="<b>")
    page = client.get(AT).content.decode()
    assert "<script>x" not in page and "&lt;script&gt;x" in page


def test_the_log_takes_a_constant_number_of_queries(client, events, django_assert_max_num_queries):
    with django_assert_max_num_queries(11):
        client.get(AT)


def test_the_api_tells_the_log(client, events):
    answer = client.get("/api/v1/projects/default/events?limit=1").json()
    assert answer["items"][0]["sentence"].startswith("curator-1 set the checks")
    more = client.get(f"/api/v1/projects/default/events?after={answer['next']}&verb=opened").json()
    assert len(more["items"]) == 3 and more["next"] is None


def test_an_admin_sets_the_checks_that_exports_need(client, curator, member, project):
    at = "/p/default/settings/"
    assert "An admin can change this" in client.get(at).content.decode()
    assert client.post(f"{at}change/", {"checks": []}).status_code == 403
    client.force_login(member("admin"), backend="django.contrib.auth.backends.ModelBackend")
    assert client.post(f"{at}change/", {"checks": ["decontamination", "reading"]}).url == at
    project.refresh_from_db()
    assert project.required_checks == ["decontamination", "reading"]
    client.post(f"{at}change/", {"checks": ["decontamination", "reading"]})
    assert Event.objects.filter(verb="required").count() == 1
    assert client.post(f"{at}change/", {"checks": ["x" * 41]}).status_code == 422
