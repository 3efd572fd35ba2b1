import os
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis

from curation import jobs
from curation.engine.records import SCHEMA, Content, Message, Record, record_id, to_batch
from curation.models import Kind, Membership, Part, Project, shell_user

ROOT = Path(__file__).resolve().parent.parent

hypothesis.register_profile("house", deadline=None, derandomize=True)
hypothesis.load_profile("house")


@dataclass(frozen=True)
class Nothing:
    """The config of a job without settings."""


@pytest.fixture(autouse=True)
def places(settings, tmp_path, monkeypatch):
    """Every test has a store of its own, and workers are given up for lost after 2 s."""
    settings.STORE_URL = str(tmp_path / "store")
    settings.SILENCE = 2
    monkeypatch.setattr(Part, "BACKOFF", timedelta(seconds=-1))


@pytest.fixture(autouse=True)
def silent_bells(monkeypatch):
    """Bells are collected instead of sent: no test needs a broker unless it says so."""
    rung: list[int] = []
    monkeypatch.setattr(jobs, "_send", lambda pk, queue, bells: rung.append(pk))
    return rung


@pytest.fixture(autouse=True)
def no_threads(monkeypatch):
    """A thread sees nothing of a test's transaction: the pulse beats in tests of real workers only."""
    monkeypatch.setattr(jobs.Pulse, "running", lambda self: nullcontext())


@pytest.fixture
def project(db):
    return Project.objects.create(name="default")


@pytest.fixture
def user(db):
    return shell_user()


@pytest.fixture
def realdata():
    folder = Path(os.environ.get("WINNOW_REALDATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the shared public data is not at {folder}; set WINNOW_REALDATA")
    return folder


def record(source, own, text, *answers, **fields):
    """A chat of one question and its answers."""
    turns = (Message("user", text), *(Message("assistant", answer) for answer in answers))
    return Record(record_id(source, str(own)), source, Content(turns, **fields))


@pytest.fixture
def version(project):
    """Make a version out of texts, through a run like any other."""

    def make(name, *texts, kind=Kind.RECORDS, answer="Yes."):
        rows = [
            text if isinstance(text, Record) else record(name, i, text, answer)
            for i, text in enumerate(texts)
        ]

        def write(part):
            shard = part.write("records", SCHEMA, [to_batch(rows)])
            part.publish("records", name, kind, SCHEMA, [shard])

        job = jobs.register(jobs.Job("given", (jobs.Stage("given", write),)))
        run = jobs.start(job, project=project, config=Nothing())
        jobs.work(run.pk)
        run.refresh_from_db()
        assert run.status == "done", run.error + run.traceback
        return run.output("records")

    return make


@pytest.fixture
def member(django_user_model, project):
    """Make a signed-up person with a role in the project."""

    def make(role="curator", name=None, of=None):
        person = django_user_model.objects.create_user(name or f"{role}-1", password="a long enough phrase")
        Membership.objects.create(project=of or project, user=person, role=role)
        return person

    return make


@pytest.fixture
def curator(client, member):
    """A curator of the project, signed in."""
    person = member("curator")
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return person
