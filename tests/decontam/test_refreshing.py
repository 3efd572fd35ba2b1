"""The whole flow of a mixture, run again when its source has newer rows."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import StringIO
from threading import Barrier

import pytest
from django.core.management import call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from curation import jobs
from curation.engine.errors import Refused
from curation.engine.exporting import ExportConfig
from curation.engine.mixing import parse
from curation.models import Export, Mixture, Run, Source, Worker
from curation.tasks.exporting import start_export
from curation.tasks.importing import start_import
from curation.tasks.mixing import start_mix
from curation.tasks.refreshing import carry_out_refresh, start_refresh
from decontam.engine.apply import ApplyConfig
from decontam.engine.scan import ScanConfig
from decontam.models import Ruling
from decontam.questions.reviews import at
from decontam.tasks.applying import start_apply
from decontam.tasks.scanning import start_scan
from tests.populating import ITEMS, LEAKED, chat, ended, lines

OLD = [f"So {LEAKED.upper()}? I forgot.", "how many legs does a chair have", "tell me about tides"]
RECIPE = """\
name: mix
seed: 3
components:
- dataset: chats-clean@1
  fraction: 1.0
  strata:
  - by: source
    value: chats
    share: 1.0
"""


@pytest.fixture
def chats(tmp_path):
    """Write the file of the source anew."""
    return lambda *texts: lines(tmp_path / "chats.jsonl", [chat(text) for text in texts])


@pytest.fixture
def source(project, user, chats, tmp_path):
    def read():
        return ended(
            start_import(
                project,
                "chats",
                location=str(tmp_path / "chats.jsonl"),
                split_role=Source.SplitRole.TRAIN,
                licence="cc0-1.0",
                user=user,
            )
        )

    chats(*OLD)
    return read


@pytest.fixture
def flow(project, user, source, tmp_path):
    """Imported, scanned, applied, mixed and exported."""
    quiz = lines(tmp_path / "quiz.jsonl", [{"question": item} for item in ITEMS])
    dev = {"benchmark_role": Source.BenchmarkRole.DEV, "licence": "cc0-1.0"}
    benchmark = ended(
        start_import(project, "quiz", location=quiz, split_role=Source.SplitRole.EVAL, user=user, **dev)
    ).output("records")
    scan = ended(start_scan(source().output("records"), [benchmark], ScanConfig(), user=user))
    ended(start_apply(scan, ApplyConfig(), user=user))
    ended(start_mix(project, parse(RECIPE), user=user))
    ended(start_export(project, "mix", ExportConfig(profiles=["sft_messages"]), user=user))
    return scan


def refreshed(project, user):
    return carry_out_refresh(start_refresh(project, "mix", user=user))


def texts_of(version):
    rows = (row for batch in version.batches(["messages"]) for row in batch.to_pylist())
    return sorted(row["messages"][0]["content"] for row in rows)


def kinds_since(run):
    runs = Run.objects.filter(pk__gt=run.pk).exclude(kind="profile").order_by("pk")
    return [one.kind for one in runs]


def test_newer_rows_go_all_the_way_to_a_new_export(project, user, flow, chats):
    chats(*OLD, "who wrote the first dictionary")
    run = refreshed(project, user)
    assert run.status == "done", run.error
    assert kinds_since(run) == ["import", "scan", "apply", "mix", "export"]
    assert run.summary["version"] == "mix@2" and run.summary["repeated"] == 5
    newest = project.datasets.get(name="mix").newest()
    assert texts_of(newest) == sorted([*OLD[1:], "who wrote the first dictionary"])
    assert [export.number for export in Export.objects.order_by("number")] == [1, 2]
    assert Mixture.objects.get().asked.components[0].dataset == "chats-clean@2"


@pytest.mark.django_db(transaction=True)
def test_of_two_clicks_at_once_one_starts_a_refresh(project, user, source):
    source()
    recipe = RECIPE.replace("chats-clean@1", "chats@1").partition("  strata")[0]
    ended(start_mix(project, parse(recipe), user=user))
    together = Barrier(2)

    def click(_):
        together.wait()
        try:
            return start_refresh(project, "mix", user=user).status
        except Refused as refusal:
            return str(refusal)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        told = sorted(pool.map(click, range(2)))
    assert told == ["The flow of mix is being run again already.", "queued"]


def test_the_same_rows_again_are_passed_over(project, user, flow):
    run = refreshed(project, user)
    assert run.status == "done" and kinds_since(run) == ["import"]
    assert (run.summary["version"], run.summary["repeated"]) == ("mix@1", 0)


def test_an_import_that_was_made_already_is_taken(project, user, flow, chats, source):
    chats(*OLD, "who wrote the first dictionary")
    source()
    run = refreshed(project, user)
    assert run.status == "done" and kinds_since(run) == ["scan", "apply", "mix", "export"]


def test_new_matches_wait_for_a_person_and_then_it_goes_on(project, user, flow, chats):
    chats(*OLD, f"again: {LEAKED}, please")
    run = refreshed(project, user)
    assert run.status == "failed" and kinds_since(run) == ["import", "scan"]
    assert "1 new pair matches in scan" in run.error and "Then resume this run." in run.error
    scan = Run.objects.filter(kind="scan").latest("pk")
    found = [at(scan, seq) for seq in range(1, scan.summary["matches"] + 1)]
    Ruling.objects.rule(scan, found, Ruling.Verdict.CONTAMINATED, by=user, reason="word for word")
    assert jobs.resume(run, by=user)
    run = carry_out_refresh(run)
    assert run.status == "done", run.error
    assert kinds_since(run) == ["import", "scan", "apply", "mix", "export"]


def test_an_export_that_a_person_let_pass_ends_a_refresh_that_was_refused(project, user, flow, chats):
    chats(*OLD, "who wrote the first dictionary")
    project.require(["toxicity"], by=user)
    run = refreshed(project, user)
    assert run.status == "failed" and "mix@2 cannot be exported" in run.error
    config = ExportConfig(profiles=["sft_messages"], override="nobody measures it here")
    export = ended(start_export(project, "mix", config, user=user))
    assert jobs.resume(run, by=user)
    run = carry_out_refresh(run)
    assert run.status == "done" and export.pk in run.summary["runs"].values()


def test_a_run_that_failed_stops_the_others_and_is_named(project, user, flow, tmp_path):
    (tmp_path / "chats.jsonl").write_text("no json\n")
    run = refreshed(project, user)
    failed = Run.objects.filter(kind="import").latest("pk")
    assert run.status == "failed" and f"import run {failed.pk} (chats) failed" in run.error
    assert kinds_since(run) == ["import"]


def test_one_refresh_at_a_time(project, user, flow):
    start_refresh(project, "mix", user=user)
    with pytest.raises(Refused, match="is being run again already"):
        start_refresh(project, "mix", user=user)


def test_a_waiting_refresh_holds_no_part_and_counts_no_try(project, user, flow, chats):
    chats(*OLD, "who wrote the first dictionary")
    run = start_refresh(project, "mix", user=user)
    for _ in range(8):
        jobs.work(run.pk)
        run.parts.update(not_before=None)
    part = run.parts.get()
    assert (part.status, part.tries) == ("open", 0) and Run.objects.get(pk=run.pk).status == "running"


def test_the_end_of_a_run_wakes_what_waits_for_it(project, user, flow, chats, silent_bells):
    chats(*OLD, "who wrote the first dictionary")
    run = start_refresh(project, "mix", user=user)
    jobs.work(run.pk)
    run.parts.update(not_before="2100-01-01T00:00Z")
    jobs.work(Run.objects.filter(kind="import").latest("pk").pk)
    assert run.parts.get().not_before is None


def test_a_refresh_that_is_paused_is_not_waited_for(project, user, flow):
    run = start_refresh(project, "mix", user=user)
    assert run.pause(by=user)
    assert carry_out_refresh(run).status == "paused" and kinds_since(run) == []


def test_where_workers_are_there_they_do_the_work(project, user, flow, monkeypatch):
    run = start_refresh(project, "mix", user=user)
    worker = Worker.objects.create(name="elsewhere:1", queues=["cpu"], seen=timezone.now())
    waited = []

    def wait(seconds):
        assert run.parts.get().attempt == 0
        waited.append(seconds)
        if len(waited) == 3:
            worker.delete()

    monkeypatch.setattr("curation.tasks.refreshing.time.sleep", wait)
    assert carry_out_refresh(run).status == "done" and waited == [0.2, 0.2, 0.2]


def test_one_pulse_beats_for_the_parts_of_a_refresh_from_first_to_last(project, user, flow, monkeypatch):
    pulses, told, work = [], [], jobs.work

    @contextmanager
    def running(pulse):
        pulses.append(pulse)
        yield
        pulses.pop()

    def worked(pk):
        told.append(list(pulses))
        return work(pk)

    monkeypatch.setattr(jobs.Pulse, "running", running)
    monkeypatch.setattr(jobs, "work", worked)
    assert refreshed(project, user).status == "done"
    assert len(told) >= 3 and all(beating == [jobs.pulse] for beating in told) and pulses == []


def url(name, *args):
    return reverse(name, args=["default", *args])


def test_the_page_shows_the_flow_and_starts_it(client, curator, flow, chats, source):
    page = client.get(url("mixture-refresh", "mix")).content.decode()
    kinds = ("import chats", "scan chats", "apply chats", "mix mix", "export mix")
    assert all(kind in page for kind in kinds) and "import quiz" not in page
    chats(*OLD, "who wrote the first dictionary")
    source()
    page = client.get(url("mixture-refresh", "mix")).content.decode()
    assert "Sources of mix@1 have newer rows" in page and "chats@2" in page
    run = Run.objects.get(pk=client.post(url("mixture-refresh", "mix")).url.rstrip("/").rpartition("/")[2])
    assert (run.kind, run.user) == ("refresh", curator)


def test_what_was_not_built_has_no_flow(client, curator, project):
    Mixture.objects.define(project, "mix", RECIPE, by=None)
    assert "so there is no flow to run again" in client.get(url("mixture-refresh", "mix")).content.decode()
    assert client.post(url("mixture-refresh", "mix")).status_code == 422
    assert client.post("/api/v1/projects/default/mixtures/mix/refresh").status_code == 422


def test_a_curator_at_a_page_reads_no_path_that_only_the_shell_may(client, curator, project, flow):
    run = carry_out_refresh(start_refresh(project, "mix", user=curator))
    assert run.status == "failed" and kinds_since(run) == []


def test_the_api_tells_the_flow_and_starts_it(client, curator, flow):
    told = client.get("/api/v1/projects/default/mixtures/mix/refresh").json()
    assert [step["kind"] for step in told] == ["import", "scan", "apply", "mix", "export"]
    answer = client.post("/api/v1/projects/default/mixtures/mix/refresh")
    assert answer.status_code == 202 and Run.objects.get(pk=answer.json()["run"]).kind == "refresh"


def test_the_command_sees_it_through(flow, chats):
    chats(*OLD, "who wrote the first dictionary")
    said = StringIO()
    call_command("refresh", "mix", plan=True, stdout=said)
    assert "scan of chats" in said.getvalue()
    said = StringIO()
    call_command("refresh", "mix", as_json=True, stdout=said)
    assert json.loads(said.getvalue())["version"] == "mix@2"
