import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from curation import jobs
from curation.models import Project, Run, Worker
from tests.conftest import Nothing

JOB = jobs.register(jobs.Job("idle", (jobs.Stage("idle", lambda part: None),)))
pytestmark = pytest.mark.django_db


def told(*args, **options):
    out = StringIO()
    call_command(*args, stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def run(project):
    return jobs.start(JOB, project=project, config=Nothing(), subject="prompts")


def test_the_doctor_finds_nothing_wrong_here(settings):
    found = {one["what"]: one for one in json.loads(told("doctor", as_json=True))["findings"]}
    assert [found[name]["good"] for name in ("python", "database", "store", "broker", "secret key")] == [
        True
    ] * 5
    assert found["workers"]["good"] is None and "manage.py up" in found["workers"]["remedy"]


def test_the_doctor_names_a_store_that_cannot_be_written(settings, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    settings.STORE_URL = str(tmp_path / "file" / "store")
    with pytest.raises(CommandError, match="Not as it should be: storage"):
        told("doctor")


def test_runs_are_listed_with_what_they_are_about(run):
    (listed,) = json.loads(told("runs", as_json=True))["runs"]
    assert (listed["run"], listed["kind"], listed["subject"], listed["status"]) == (
        run.pk,
        "idle",
        "prompts",
        "queued",
    )
    assert "idle prompts" in told("runs")


def test_a_run_is_paused_resumed_and_seen_through(run):
    told("runs", str(run.pk), pause=True)
    assert Run.objects.get(pk=run.pk).status == "paused"
    assert json.loads(told("runs", str(run.pk), resume=True, as_json=True))["runs"][0]["status"] == "done"


def test_what_is_over_is_not_turned(run):
    jobs.work(run.pk)
    for verb in ("cancel", "pause", "resume"):
        with pytest.raises(CommandError, match=f"is done; there is nothing to {verb}"):
            told("runs", str(run.pk), **{verb: True})


def test_a_run_that_was_interrupted_is_taken_up(run):
    Run.objects.filter(pk=run.pk).update(status="running")
    assert json.loads(told("runs", str(run.pk), resume=True, as_json=True))["runs"][0]["status"] == "done"


def test_an_unknown_run_is_named(project):
    with pytest.raises(CommandError, match="There is no run 99 in project default"):
        told("runs", "99")
    with pytest.raises(CommandError, match="Say which run"):
        told("runs", cancel=True)


def test_a_command_hands_its_run_over_while_a_worker_is_up(run, monkeypatch):
    worker = Worker.objects.create(name="elsewhere", queues=["cpu"], seen="2999-01-01T00:00Z")
    naps = []

    def the_worker_does_it(seconds):
        naps.append(seconds)
        jobs.work(run.pk)

    monkeypatch.setattr(jobs.time, "sleep", the_worker_does_it)
    assert jobs.carry_out(run).status == "done" and len(naps) == 1
    worker.delete()


def test_a_command_does_not_wait_for_a_worker_of_another_queue(run):
    Worker.objects.create(name="gpu", queues=["gpu"], seen="2999-01-01T00:00Z")
    assert jobs.carry_out(run).status == "done"


def test_a_login_link_is_made_for_active_users_only(django_user_model, user):
    django_user_model.objects.create_user("curator-1")
    assert "/login/link/?sesame=" in told("login_link", "curator-1")
    for name in ("nobody", user.username):
        with pytest.raises(CommandError, match="There is no active user"):
            told("login_link", name)


def test_a_new_project_is_in_the_audit_log(tmp_path):
    path = tmp_path / "chats.jsonl"
    path.write_text('{"prompt": "Why?", "completion": "Because."}\n')
    told("import", str(path), name="chats", project="another")
    project = Project.objects.get(name="another")
    assert project.event_set.order_by("pk").first().verb == "opened"


def test_a_project_name_must_do_in_an_address(tmp_path):
    with pytest.raises(CommandError, match="The name of a project must be letters"):
        told("import", str(tmp_path), name="chats", project="two words")
