"""A profile follows every version of rows, and the explorer answers from it."""

import json
import logging
from io import StringIO

import pytest
from django.core.management import call_command

from curation import jobs
from curation.engine.errors import BadConfig, BadInput, Refused
from curation.engine.exploring import Count, Query, Type
from curation.engine.records import Completion, Message
from curation.housekeeping import purge
from curation.models import Kind, Run, Version, Worker, store
from curation.questions.explorer import explore
from curation.tasks.profiling import start_profile
from tests.conftest import record


def carried_out(made):
    """The profile of a version, when its run is through."""
    run = Run.objects.get(kind="profile", inputs=made)
    jobs.work(run.pk)
    run.refresh_from_db()
    assert run.status == "done", run.error + run.traceback
    return made.profile()


def rows_of(version):
    return [row for batch in version.batches() for row in batch.to_pylist()]


TOLD = [record("web", i, f"question {i} about tides", labels={"topic": "ab"[i % 2]}) for i in range(5)]


@pytest.mark.parametrize("kind", [Kind.RECORDS, Kind.MIXTURE, Kind.BENCHMARK])
def test_every_version_of_rows_is_profiled(version, kind):
    made = version("web", *TOLD, kind=kind)
    assert made.profile() is None
    profile = carried_out(made)
    assert (str(profile), profile.kind, profile.rows, profile.role) == (
        "web-profile@1",
        Kind.PROFILE,
        5,
        "profile",
    )
    assert [row["row"] for row in rows_of(profile)] == [0, 1, 2, 3, 4]
    assert [row["id"] for row in rows_of(profile)] == [row["id"] for row in rows_of(made)]
    assert (profile.facts["of"], profile.facts["rows"]) == ("web@1", 5)
    assert profile.run.summary == {"version": "web-profile@1", "of": "web@1", "rows": 5}


def test_nothing_follows_a_profile_or_evidence(version):
    carried_out(version("web", "a"))
    version("web-matches", "a", kind=Kind.MATCHES)
    assert Run.objects.filter(kind="profile").count() == 1


def test_a_profile_is_that_of_its_version(version):
    first, second = version("web", "a"), version("web", "b", "c")
    assert (str(carried_out(second)), str(carried_out(first))) == ("web-profile@1", "web-profile@2")
    assert (first.profile().rows, second.profile().rows) == (1, 2)


def test_profiles_are_the_same_bytes_each_time(version):
    made = version("web", *TOLD)
    first = carried_out(made)
    again = start_profile(made)
    jobs.work(again.pk)
    assert made.profile().run == again and made.profile().content_hash == first.content_hash
    assert made.profile().facts == first.facts


def test_an_empty_version_has_an_empty_profile(version):
    made = version("web")
    assert carried_out(made).rows == 0
    with explore(made) as explorer:
        assert explorer.rows(Query()).rows == ()
        assert {column.rows for column in explorer.columns} == {0}


def test_a_taken_name_is_no_reason_to_fail(version, caplog):
    version("web-profile", "of somebody")
    with caplog.at_level(logging.WARNING):
        made = version("web", "a")
    assert made.profile() is None and not Run.objects.filter(kind="profile", inputs=made).exists()
    assert "Nothing follows web@1: The name web-profile stands for records here" in caplog.text
    with pytest.raises(Refused):
        start_profile(made)


def test_a_name_that_would_be_too_long_is_none(version):
    made = version("x" * 119, "a")
    with pytest.raises(Refused, match="longer than 120 characters"):
        start_profile(made)


def test_a_purge_takes_the_profile_along(version, user, django_capture_on_commit_callbacks):
    made, other = version("web", "a secret"), version("other", "a")
    profile, stays = carried_out(made), carried_out(other)
    with django_capture_on_commit_callbacks(execute=True):
        purge(made, "it was private", by=user)
    profile.refresh_from_db()
    assert profile.tombstone["reason"] == "it was private" and made.profile() is None
    assert store().folders(profile.folder) == [] and other.profile() == stays


def test_a_version_that_is_purged_meanwhile_gets_no_profile(version, user):
    made = version("web", "a secret")
    run = Run.objects.get(kind="profile", inputs=made)
    while run.parts.filter(status="open").exclude(stage=2).exists():
        part = jobs.Part.objects.claim("here", run=run.pk)
        jobs._complete(part, jobs.JOBS["profile"].stages[part.stage].work(part))
    last = jobs.Part.objects.claim("here", run=run.pk)
    result = jobs.JOBS["profile"].stages[2].work(last)
    purge(made, "it was private", by=user)
    with pytest.raises(BadInput, match=r"web@1, which this run reads, was purged"):
        jobs._complete(last, result)
    assert not Version.objects.filter(dataset__kind=Kind.PROFILE).exists()


def test_a_command_carries_the_profile_out_where_no_worker_does(project, tmp_path):
    path = tmp_path / "chats.jsonl"
    path.write_text('{"prompt": "Why?", "completion": "Because."}\n')
    out = StringIO()
    call_command("import", str(path), name="chats", as_json=True, stdout=out)
    assert json.loads(out.getvalue())["version"] == "chats@1"
    assert project.datasets.get(name="chats").newest().profile().rows == 1


def test_a_command_leaves_the_profile_to_workers_that_are_there(version):
    made = version("web", "a")
    Worker.objects.create(name="elsewhere", queues=["cpu"], seen="2999-01-01T00:00Z")
    jobs.carry_out_what_follows(made.run)
    assert made.profile() is None


# the explorer

FILTER = [("label.topic", "b")]


@pytest.fixture
def made(version):
    return version("web", *TOLD)


def test_the_explorer_answers_from_the_profile(made):
    carried_out(made)
    with explore(made) as explorer:
        query = explorer.query([*FILTER, ("q", "ignored")], own=["q"])
        page = explorer.rows(query)
        assert [(row["row"], row["preview"]) for row in page.rows] == [
            (1, "question 1 about tides"),
            (3, "question 3 about tides"),
        ]
        assert (explorer.count(query), explorer.count(Query())) == (2, 5)
        assert explorer.column("label.topic").values == (Count("a", 3), Count("b", 2))
        assert explorer.histogram("label.topic", query).values == (Count("b", 2),)
        assert {one.column: one.mean for one in explorer.summaries(query)}["turns"] == 1
        assert explorer.types["label.topic"] == Type.TEXT
        with pytest.raises(BadInput, match="web@1 has no column preview to sum up"):
            explorer.column("preview")


def test_without_a_profile_rows_come_by_position(made):
    with explore(made) as explorer:
        assert (explorer.profile, explorer.columns, explorer.types) == (None, [], {})
        page = explorer.rows(Query(after=0, limit=2))
        assert ([row["preview"] for row in page.rows], page.previous, page.next) == (
            ["question 1 about tides", "question 2 about tides"],
            1,
            2,
        )
        assert explorer.count(Query()) == 5
        with pytest.raises(BadConfig, match="there are: none yet"):
            explorer.query(FILTER)
        with pytest.raises(BadInput, match="web@1 has no profile yet"):
            explorer.rows(Query(sort="tokens"))


@pytest.mark.parametrize("profiled", [True, False])
def test_words_are_looked_for_in_the_records(made, profiled):
    if profiled:
        carried_out(made)
    with explore(made) as explorer:
        found = explorer.search("TIDES 3", Query())
        assert ([row["row"] for row in found.rows], found.searched_to, found.exhausted) == ([3], 4, True)


def test_a_search_keeps_to_the_filters(made):
    carried_out(made)
    with explore(made) as explorer:
        found = explorer.search("tides", explorer.query([*FILTER, ("after", "1")]))
        assert [row["row"] for row in found.rows] == [3]


def test_a_store_that_duckdb_cannot_read_gives_the_same(version, settings, tmp_path):
    settings.STORE_URL = f"memory://{tmp_path.name}"
    compared = (Completion("a", (Message("assistant", "Yes."),)),)
    made = version("web", *TOLD, record("web", 9, "last", completions=compared))
    carried_out(made)
    with explore(made) as explorer:
        assert [row["row"] for row in explorer.rows(explorer.query([("completions", "1..")])).rows] == [5]
        assert explorer.column("completions").values == (Count(0, 5), Count(1, 1))
        assert [row["row"] for row in explorer.search("yes", Query()).rows] == [5]
