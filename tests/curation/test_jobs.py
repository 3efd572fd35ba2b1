from datetime import timedelta
from threading import Event as Flag

import pytest
from django.utils import timezone

from curation import jobs
from curation.engine.errors import Cancelled, Fenced, Leaving, Paused
from curation.models import Check, Event, Kind, Part, Run, Version, Worker
from tests.curation.counting import NUMBERS, silence, total


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
    part = Part.objects.claim("here", run=run.pk)
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
    part = Part.objects.claim("here", run=run.pk)
    part.save_checkpoint({"at": 7}, 7, 10)
    run.pause(by=user)
    with pytest.raises(Paused):
        part.save_checkpoint({"at": 8}, 8, 10)
    part.let_go()
    assert jobs.work(run.pk) == 0
    assert run.resume(by=user)
    assert Part.objects.claim("there", run=run.pk).checkpoint == {"at": 7}


def test_a_part_that_ends_while_its_run_is_paused_counts(start, user):
    run = start(parts=1)
    part = Part.objects.claim("here", run=run.pk)
    run.pause(by=user)
    jobs._complete(part, {"path": "x"})
    run.refresh_from_db()
    assert (run.status, run.stage_name) == ("paused", "total")
    run.resume(by=user)
    jobs.work(run.pk)
    assert Run.objects.get(pk=run.pk).status == "done"


def test_a_worker_given_up_for_lost_can_change_nothing(start):
    run = start(parts=1)
    zombie = Part.objects.claim("gone", run=run.pk)
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
    first = Part.objects.claim("gone", run=run.pk)
    silence(first)
    jobs.reap()
    second = Part.objects.claim("here", run=run.pk)
    assert second.pk == first.pk and second.path("numbers") != first.path("numbers")


def test_a_part_that_loses_every_worker_fails_with_a_sentence(start):
    run = start(parts=1)
    for _ in range(Part.MAX_TRIES):
        silence(Part.objects.claim("gone", run=run.pk))
        jobs.reap()
    run.refresh_from_db()
    assert run.status == "failed" and run.error.startswith("The worker was lost 5 times")


def test_a_part_that_gets_on_may_lose_any_number_of_workers(start):
    run = start(parts=1)
    for at in range(3 * Part.MAX_TRIES):
        part = Part.objects.claim("gone", run=run.pk)
        part.save_checkpoint({"at": at}, at, 100)
        silence(part)
        jobs.reap()
    jobs.work(run.pk)
    assert Run.objects.get(pk=run.pk).status == "done"


def test_a_part_past_its_deadline_gets_no_more_beats(start):
    run = start(parts=1)
    part = Part.objects.claim("hung", run=run.pk)
    silence(part)
    part._since -= Part.DEADLINE.total_seconds() + 1
    with jobs.pulse.holding(part):
        jobs.pulse.beat()
    assert Part.objects.lost().get() == part


def test_a_beat_keeps_a_part_and_shows_the_worker(start, monkeypatch):
    run = start(parts=1)
    part = Part.objects.claim("here", run=run.pk)
    silence(part)
    monkeypatch.setattr(jobs.pulse, "queues", ["cpu"])
    with jobs.pulse.holding(part):
        jobs.pulse.beat()
    assert not Part.objects.lost().exists()
    assert Worker.objects.alive().get().name == jobs.worker_name()


def test_a_lost_bell_is_rung_again_when_a_worker_is_idle(
    start, silent_bells, monkeypatch, django_capture_on_commit_callbacks
):
    run = start()
    monkeypatch.setattr(jobs.pulse, "queues", ["cpu"])
    jobs.pulse.beat()
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


def test_a_new_benchmark_version_makes_earlier_checks_stale(version, project):
    training = version("web", "a")
    quiz = version("quiz", "b", kind=Kind.BENCHMARK)
    check = Check.objects.record(
        training, "decontamination", passed=True, run=training.run, against=[quiz], summary=""
    )
    version("web", "c")
    check.refresh_from_db()
    assert check.status == "passed"
    version("quiz", "d", kind=Kind.BENCHMARK)
    check.refresh_from_db()
    assert check.status == "stale"
    assert Event.objects.filter(verb="outdated", object_id=check.pk).count() == 1


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


def test_workers_take_runs_of_their_queues_only(start):
    run = start()
    Run.objects.filter(pk=run.pk).update(queue="gpu")
    assert Part.objects.claim("cpu worker", queues=["cpu", "light"]) is None
    assert Part.objects.claim("gpu worker", queues=["gpu"]).run == run


def test_a_worker_that_is_told_to_stop_gives_its_part_back_without_counting_the_try(start, monkeypatch):
    run = start(parts=1)
    leaving = Flag()
    monkeypatch.setattr(Part, "leaving", leaving)
    part = Part.objects.claim("here", run=run.pk)
    leaving.set()
    with pytest.raises(Leaving):
        part.progress(1, 2)
    jobs._execute(part)
    part.refresh_from_db()
    assert (part.status, part.tries) == ("open", 0)
    assert jobs.work(run.pk) == 0


def test_ctrl_c_gives_the_part_back(start, monkeypatch):
    monkeypatch.setattr(Part, "progress", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    run = start(parts=1)
    with pytest.raises(KeyboardInterrupt):
        jobs.work(run.pk)
    assert list(run.parts.values_list("status", "tries")) == [("open", 0)]


def test_a_faulty_part_waits_longer_before_every_try(start, monkeypatch):
    monkeypatch.setattr(Part, "BACKOFF", timedelta(hours=1))
    monkeypatch.setattr(Part, "write", lambda *_: (_ for _ in ()).throw(OSError("disk")))
    run = start(parts=1)
    assert jobs.work(run.pk) == 1
    part = run.parts.get()
    assert part.status == "open" and part.not_before > timezone.now() + timedelta(minutes=59)
    assert Part.objects.claim("there", run=run.pk) is None


def test_a_part_that_ends_after_its_run_was_cancelled_publishes_nothing(start, user):
    run = start(parts=0)
    part = Part.objects.claim("here", run=run.pk)
    total(part)
    run.cancel(by=user)
    jobs._complete(part, None)
    assert not Version.objects.exists() and Run.objects.get(pk=run.pk).status == "cancelled"


def test_every_attempt_writes_a_manifest_of_its_own(start):
    run = start(parts=0)
    zombie = Part.objects.claim("gone", run=run.pk)
    silence(zombie)
    jobs.reap()
    jobs.work(run.pk)
    before = run.output("numbers").manifest()
    zombie.publish("numbers", "numbers", Kind.REJECTS, NUMBERS, [])
    assert run.output("numbers").manifest() == before


def test_a_version_of_shards_from_elsewhere_is_refused(start):
    run = start(parts=0)
    part = Part.objects.claim("here", run=run.pk)
    shard = part.write("elsewhere", NUMBERS, [])
    with pytest.raises(ValueError, match="a sweep would take it for litter"):
        part.publish("numbers", "numbers", Kind.REJECTS, NUMBERS, [shard])
