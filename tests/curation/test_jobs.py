from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Barrier

import pyarrow as pa
import pytest
from django.db import connection
from django.utils import timezone

from curation import jobs
from curation.engine.errors import BadInput, Cancelled, Fenced, Paused
from curation.models import Check, Event, Kind, Part, Run, Version, Worker

NUMBERS = pa.schema([pa.field("number", pa.int64())])


@dataclass(frozen=True)
class Count:
    parts: int = 3
    fail_at: int = -1


def count(part):
    config = part.config(Count)
    if part.index == config.fail_at:
        raise BadInput(f"Part {part.index} has no numbers")
    part.progress(0, 10)
    shard = part.write("tmp/numbers", NUMBERS, [pa.record_batch({"number": [part.index]}, schema=NUMBERS)])
    return {"path": shard.path}


def plan(run):
    return ({"at": i} for i in range(run.config["parts"]))


def total(part):
    shard = part.write(
        "numbers", NUMBERS, [pa.record_batch({"number": [len(part.run.results(0))]}, schema=NUMBERS)]
    )
    part.publish("numbers", "numbers", Kind.REJECTS, NUMBERS, [shard])


JOB = jobs.register(jobs.Job("count", (jobs.Stage("count", count, plan), jobs.Stage("total", total))))


@pytest.fixture
def start(project, user):
    return lambda **fields: jobs.start(JOB, project=project, config=Count(**fields), user=user)


def silence(part):
    Part.objects.filter(pk=part.pk).update(heartbeat=timezone.now() - timedelta(hours=1))


def test_nothing_is_sent_until_the_row_is_committed(start, silent_bells, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        run = start()
        assert silent_bells == []
    assert silent_bells == [run.pk]


def test_a_finished_run_knows_what_it_made(start):
    run = start()
    jobs.work(run.pk)
    run.refresh_from_db()
    assert (run.status, run.open, run.error) == ("done", 0, "")
    assert [str(version) for version in run.outputs.all()] == ["numbers@1"]
    assert [row for batch in run.output("numbers").batches() for row in batch.to_pylist()] == [{"number": 3}]


def test_what_parts_left_for_each_other_is_removed_at_the_end(start, django_capture_on_commit_callbacks):
    run = start()
    with django_capture_on_commit_callbacks(execute=True):
        jobs.work(run.pk)
    from_store = run.parts.first().store.folders(run.folder)
    assert from_store == ["numbers"]


def test_a_second_delivery_does_nothing(start):
    run = start()
    assert jobs.work(run.pk) == 4
    assert jobs.work(run.pk) == 0
    assert Version.objects.filter(run=run).count() == 1


def test_a_stage_without_parts_is_passed_over(start):
    run = start(parts=0)
    assert run.stage_name == "total"
    jobs.work(run.pk)
    assert Run.objects.get(pk=run.pk).status == "done"


def test_an_error_for_the_user_is_shown_as_written_and_ends_the_run(start):
    run = start(fail_at=1)
    jobs.work(run.pk)
    run.refresh_from_db()
    assert (run.status, run.error, run.traceback) == ("failed", "Part 1 has no numbers", "")
    assert run.outputs.count() == 0


def test_a_bug_is_recorded_with_its_traceback(start, monkeypatch):
    monkeypatch.setattr(Part, "progress", lambda *_: 1 / 0)
    run = start()
    jobs.work(run.pk)
    run.refresh_from_db()
    assert (run.status, run.error) == ("failed", "Internal error: ZeroDivisionError: division by zero")
    assert "ZeroDivisionError" in run.traceback


def test_a_passing_fault_of_the_storage_is_tried_again(start, monkeypatch):
    faults = iter([OSError("disk"), OSError("disk")])
    real = Part.write

    def flaky(self, *args, **kwargs):
        if fault := next(faults, None):
            raise fault
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Part, "write", flaky)
    run = start(parts=1)
    jobs.work(run.pk)
    assert Run.objects.get(pk=run.pk).status == "done"


def test_a_fault_that_stays_fails_after_five_tries(start, monkeypatch):
    monkeypatch.setattr(Part, "write", lambda *_: (_ for _ in ()).throw(OSError("No space left on device")))
    run = start(parts=1)
    assert jobs.work(run.pk) == Part.MAX_TRIES
    run.refresh_from_db()
    assert run.status == "failed" and "No space left" in run.error


def test_a_resumed_run_keeps_the_parts_that_were_done(start, user):
    run = start(fail_at=2)
    jobs.work(run.pk)
    run.refresh_from_db()
    done = {part.pk: part.attempt for part in run.parts.filter(status="done")}
    Run.objects.filter(pk=run.pk).update(config={"parts": 3, "fail_at": -1})
    assert run.resume(by=user)
    jobs.work(run.pk)
    run.refresh_from_db()
    assert (run.status, run.error) == ("done", "")
    assert {part.pk: part.attempt for part in run.parts.filter(pk__in=done)} == done


def test_a_cancelled_run_publishes_nothing_and_its_parts_notice(start, user):
    run = start()
    part = Part.objects.claim("here", run.pk)
    assert run.cancel(by=user)
    with pytest.raises(Cancelled):
        part.progress(1, 2)
    jobs.work(run.pk)
    run.refresh_from_db()
    assert (run.status, run.outputs.count()) == ("cancelled", 0)
    assert not run.cancel(by=user)
    assert Event.objects.filter(verb="cancelled", object_id=run.pk).count() == 1


def test_a_paused_run_goes_on_from_its_checkpoint(start, user):
    run = start(parts=1)
    part = Part.objects.claim("here", run.pk)
    part.save_checkpoint({"at": 7}, 7, 10)
    run.pause(by=user)
    with pytest.raises(Paused):
        part.save_checkpoint({"at": 8}, 8, 10)
    part.let_go()
    assert jobs.work(run.pk) == 0
    assert run.resume(by=user)
    assert Part.objects.claim("there", run.pk).checkpoint == {"at": 7}


def test_a_part_that_ends_while_its_run_is_paused_counts(start, user):
    run = start(parts=1)
    part = Part.objects.claim("here", run.pk)
    run.pause(by=user)
    jobs._complete(part, {"path": "x"})
    run.refresh_from_db()
    assert (run.status, run.stage_name) == ("paused", "total")
    run.resume(by=user)
    jobs.work(run.pk)
    assert Run.objects.get(pk=run.pk).status == "done"


def test_a_worker_given_up_for_lost_can_change_nothing(start):
    run = start(parts=1)
    zombie = Part.objects.claim("gone", run.pk)
    silence(zombie)
    jobs.reap()
    jobs.work(run.pk)
    with pytest.raises(Fenced):
        Run.objects.filter(pk=run.pk).update(status="running")
        zombie.progress(1, 2)
    Run.objects.filter(pk=run.pk).update(status="done")
    zombie.publish("late", "late", Kind.REJECTS, NUMBERS, [])
    jobs._complete(zombie, {"path": "late"})
    assert [str(version) for version in Version.objects.filter(run=run)] == ["numbers@1"]


def test_attempts_never_write_to_the_same_file(start):
    run = start(parts=1)
    first = Part.objects.claim("gone", run.pk)
    silence(first)
    jobs.reap()
    second = Part.objects.claim("here", run.pk)
    assert second.pk == first.pk and second.path("numbers") != first.path("numbers")


def test_a_part_that_loses_every_worker_fails_with_a_sentence(start):
    run = start(parts=1)
    for _ in range(Part.MAX_TRIES):
        silence(Part.objects.claim("gone", run.pk))
        jobs.reap()
    run.refresh_from_db()
    assert run.status == "failed" and run.error.startswith("The worker was lost 5 times")


def test_a_part_that_gets_on_may_lose_any_number_of_workers(start):
    run = start(parts=1)
    for at in range(3 * Part.MAX_TRIES):
        part = Part.objects.claim("gone", run.pk)
        part.save_checkpoint({"at": at}, at, 100)
        silence(part)
        jobs.reap()
    jobs.work(run.pk)
    assert Run.objects.get(pk=run.pk).status == "done"


def test_a_part_past_its_deadline_gets_no_more_beats(start):
    run = start(parts=1)
    part = Part.objects.claim("hung", run.pk)
    silence(part)
    part._since -= Part.DEADLINE.total_seconds() + 1
    with jobs.pulse.holding(part):
        jobs.pulse.beat(serving=False)
    assert Part.objects.lost().get() == part


def test_a_beat_keeps_a_part_and_shows_the_worker(start):
    run = start(parts=1)
    part = Part.objects.claim("here", run.pk)
    silence(part)
    with jobs.pulse.holding(part):
        jobs.pulse.beat(serving=True)
    assert not Part.objects.lost().exists()
    assert Worker.objects.alive().get().name == jobs.worker_name()


def test_a_lost_bell_is_rung_again_when_a_worker_is_idle(
    start, silent_bells, django_capture_on_commit_callbacks
):
    run = start()
    jobs.pulse.beat(serving=True)
    with django_capture_on_commit_callbacks(execute=True):
        jobs.reap()
    assert silent_bells == [run.pk]


def test_a_broker_outage_does_not_stop_a_start(
    start, monkeypatch, django_capture_on_commit_callbacks, caplog
):
    monkeypatch.setattr(jobs, "_send", lambda *_: (_ for _ in ()).throw(ConnectionError("no broker")))
    with django_capture_on_commit_callbacks(execute=True):
        run = start()
    assert Run.objects.get(pk=run.pk).status == "queued"
    assert "no broker" in caplog.text


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(5))
def test_the_last_two_parts_open_the_next_stage_exactly_once(start, round_):
    run = start(parts=2)
    parts = [Part.objects.claim(str(i), run.pk) for i in range(2)]
    together = Barrier(2)

    def complete(part):
        together.wait()
        jobs._complete(part, {"path": "x"})
        connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(complete, parts))
    assert list(run.parts.filter(stage=1).values_list("status", flat=True)) == ["open"]
    assert Run.objects.get(pk=run.pk).open == 1


@pytest.mark.django_db(transaction=True)
def test_no_part_is_taken_twice_by_workers_that_race(start):
    run = start(parts=40)

    def take(name):
        taken = []
        while part := Part.objects.claim(name, run.pk):
            taken.append(part.pk)
        connection.close()
        return taken

    with ThreadPoolExecutor(4) as pool:
        taken = [pk for pks in pool.map(take, "abcd") for pk in pks]
    assert len(taken) == len(set(taken)) == 40


def test_a_new_benchmark_version_makes_earlier_checks_stale(version, project):
    training = version("web", "a")
    quiz = version("quiz", "b", kind=Kind.BENCHMARK)
    run = jobs.start(
        JOB, project=project, config=Count(), inputs={"training": training, "benchmarks": [quiz]}
    )
    check = Check.objects.create(version=training, kind="decontamination", status="passed", run=run)
    version("web", "c")
    check.refresh_from_db()
    assert check.status == "passed"
    version("quiz", "d", kind=Kind.BENCHMARK)
    check.refresh_from_db()
    assert check.status == "stale"


def test_a_name_stands_for_one_kind_of_rows(version, project):
    version("quiz", "a", kind=Kind.BENCHMARK)
    with pytest.raises(AssertionError, match="stands for benchmark items"):
        version("quiz", "b")


def test_events_are_append_only(project, user):
    event = Event.objects.record("made", project, project=project, by=user)
    with pytest.raises(TypeError):
        event.save()
    with pytest.raises(TypeError):
        event.delete()
