from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from curation import jobs
from curation.models import Check, Event, Export, Kind, Mixture, Project, Run, Source, Token, Version
from curation.questions import waiting
from curation.questions.sieve import steps
from curation.questions.telling import told
from tests.curation.counting import JOB, Count

AT = "/p/default/"


def things(project, user):
    return {one.what: one for one in waiting.waiting(project, user)}


@pytest.fixture
def imported(version, project):
    """A version that came from a source, with some rows rejected."""

    def make(name, rejected=0, role=Source.SplitRole.TRAIN):
        made = version(name, "one", "two", "three")
        source = Source.objects.create(
            project=project, name=name, kind="files", location="/x", split_role=role
        )
        made.dataset.source = source
        made.dataset.save()
        facts = {"rejected": rejected, "reasons": {"messages is empty": rejected}}
        Version.objects.filter(pk=made.pk).update(facts=facts)
        made.refresh_from_db()
        return made

    return make


def test_an_empty_project_teaches_three_steps(client, curator):
    page = client.get(AT).content.decode()
    assert "Nothing waits for you" in page
    assert page.index("1. Register a source") < page.index("2. Register a benchmark") < page.index("3. Scan")
    assert reverse("source-new", args=["default"]) in page


def test_a_viewer_of_an_empty_project_is_told_who_acts(client, member):
    client.force_login(member("viewer"), backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(AT).content.decode()
    assert "a curator or an admin takes these steps" in page and "source-new" not in page


def test_the_title_counts_in_words(client, curator, imported, project):
    imported("web", rejected=2)
    page = client.get(AT).content.decode()
    assert "<h1>Two things wait for you</h1>" in page
    assert "rows of web were not read" in page and "2 × “messages is empty”" in page
    assert "dataset was never compared with a benchmark" in page


def test_a_failed_run_waits_until_the_same_succeeded(project, curator, user):
    config = Count(parts=1, fail_at=0)
    run = jobs.start(JOB, project=project, config=config, subject="web", user=user)
    jobs.work(run.pk)
    (found,) = things(project, curator).values()
    assert found.wrong and found.url == run.get_absolute_url() and "Part 0 has no numbers" in found.note
    again = jobs.start(JOB, project=project, config=Count(parts=1), subject="web", user=user)
    assert things(project, curator) == {}
    jobs.work(again.pk)
    assert things(project, curator) == {}
    Run.objects.filter(pk=run.pk).update(subject="other", finished=timezone.now() - timedelta(days=8))
    assert things(project, curator) == {}


def test_stale_checks_wait_until_they_were_made_again(project, curator, version, user):
    web, quiz = version("web", "a"), version("quiz", "b", kind=Kind.BENCHMARK)
    made = {"passed": True, "run": web.run, "against": [quiz], "summary": ""}
    Check.objects.record(web, "decontamination", **made)
    assert things(project, curator) == {}
    quiz2 = version("quiz", "c", kind=Kind.BENCHMARK)
    (found,) = things(project, curator).values()
    assert (found.count, found.what) == (1, "version has a stale check") and "web@1" in found.note
    Check.objects.record(web, "decontamination", **made | {"against": [quiz2]})
    assert things(project, curator) == {}


def test_sources_tokens_and_overridden_exports_wait(project, curator, version):
    Source.objects.create(project=project, name="idle", kind="files", location="/x", split_role="train")
    mixed = version("mix", "a", kind=Kind.MIXTURE)
    mixture = Mixture.objects.create(project=project, name="mix", recipe="")
    Export.objects.create(
        mixture=mixture, number=1, version=mixed, run=mixed.run, folder="x", override="in a hurry"
    )
    Token.objects.issue(project, "cluster", ["read"], days=3, by=curator)
    found = things(project, curator)
    assert set(found) == {
        "source is registered, but not imported",
        "export is out without its checks",
        "token of yours expires within a week",
    }
    assert "in a hurry" in found["export is out without its checks"].note
    assert waiting.waiting(project, curator)[0].wrong


def test_who_only_looks_is_told_of_their_own_tokens_alone(project, member, imported):
    imported("web", rejected=2)
    viewer = member("viewer")
    Token.objects.issue(project, "mine", ["read"], days=3, by=viewer)
    assert list(things(project, viewer)) == ["token of yours expires within a week"]


def test_the_sieve_shows_the_steps_that_were_taken(project, imported, version):
    assert steps(project) == []
    web = imported("web", rejected=1)
    assert [(step.name, step.out, step.kept) for step in steps(project)] == [
        ("Registered", None, 4),
        ("Mapped", 1, 3),
    ]
    clean = version("web-clean", "one", "two")
    Version.objects.filter(pk=clean.pk).update(subset_of=web)
    version("mix", "one", kind=Kind.MIXTURE)
    assert [(step.name, step.out, step.kept) for step in steps(project)][2:] == [
        ("Decontaminated", 1, 2),
        ("In the mixture", 1, 1),
    ]
    assert steps(project)[-1].kept_share == 0.25


def test_running_now_shows_progress_and_cancel_and_polls(client, curator, project, user):
    run = jobs.start(JOB, project=project, config=Count(), subject="web", user=user)
    page = client.get(AT).content.decode()
    assert f"?live={run.pk}" in page and "0 of 3" in page and f"/runs/{run.pk}/cancel/" in page
    other = jobs.start(JOB, project=project, config=Count(), subject="more", user=user)
    live = client.get(f"{AT}?live={run.pk}", headers={"HX-Request": "true"}).content.decode()
    assert 'id="running-now" hx-swap-oob' in live and f"{other.pk},{run.pk}" in live
    same = client.get(f"{AT}?live={run.pk},{other.pk}", headers={"HX-Request": "true"}).content.decode()
    assert 'id="running-now"' not in same and f'id="run-{run.pk}-bar"' in same
    jobs.work(run.pk)
    jobs.work(other.pk)
    last = client.get(f"{AT}?live={run.pk},{other.pk}", headers={"HX-Request": "true"}).content.decode()
    assert "hx-trigger" not in last and "Cancel" not in last


def test_the_dashboard_takes_a_constant_number_of_queries(
    client, curator, imported, project, user, django_assert_max_num_queries
):
    for number in range(4):
        imported(f"web-{number}", rejected=2)
        jobs.start(JOB, project=project, config=Count(), subject="web", user=user)
        failed = jobs.start(JOB, project=project, config=Count(fail_at=0), subject=f"{number}", user=user)
        jobs.work(failed.pk)
    client.get(AT)
    with django_assert_max_num_queries(25):
        assert client.get(AT).status_code == 200


def test_nothing_of_another_project_is_shown(client, curator, imported):
    imported("web", rejected=2)
    other = Project.objects.create(name="other")
    assert waiting.waiting(other, curator) == [] and steps(other) == []
    assert client.get("/p/other/").status_code == 404


def test_changes_are_told_as_sentences_with_links(client, project, curator, version):
    made = version("web", "a")
    Event.objects.record("imported", made, project=project, by=curator, rows=1)
    Event.objects.record("imported", made, project=project, by=curator)  # an earlier edition said less
    Event.objects.record("juggled", project, project=project)
    odd, plain, full = told(Event.objects.select_related("who", "project"))
    assert str(full) == "curator-1 imported web@1, 1 row" and full.url == "/p/default/datasets/web/1/"
    assert str(plain) == "curator-1 imported web@1" and str(odd) == "winnow juggled default"
    page = client.get(AT).content.decode()
    assert '<a href="/p/default/datasets/web/1/" dir="auto">web@1</a>' in page and ", 1 row<" in page
