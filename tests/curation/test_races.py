"""Workers that race: threads on their own connections, with the real locks of the database that the tests run on."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Thread

import pytest
from django.db import connection, transaction
from django.utils import timezone

from curation import jobs
from curation.engine.errors import Fenced
from curation.models import Part, Run, Version
from tests.curation.counting import total


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(5))
def test_the_last_two_parts_open_the_next_stage_exactly_once(start, round_):
    run = start(parts=2)
    parts = [Part.objects.claim(str(i), run=run.pk) for i in range(2)]
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
        while part := Part.objects.claim(name, run=run.pk):
            taken.append(part.pk)
        connection.close()
        return taken

    with ThreadPoolExecutor(4) as pool:
        taken = [pk for pks in pool.map(take, "abcd") for pk in pks]
    assert len(taken) == len(set(taken)) == 40


def while_waiting(waiting, other):
    """Run `waiting` in a thread while `other` holds the row that it needs, then let it go on."""
    outcome = []

    def wait():
        outcome.append(waiting())
        connection.close()

    thread = Thread(target=wait)
    with transaction.atomic():
        other()
        thread.start()
        thread.join(timeout=1)
    thread.join(timeout=30)
    return outcome[0]


postgres_only = pytest.mark.skipif(
    connection.vendor != "postgresql",
    reason="SQLite runs one writing transaction at a time; see tests/services.py",
)


@postgres_only
@pytest.mark.django_db(transaction=True)
def test_a_zombie_that_waits_for_a_lock_is_fenced_when_it_gets_it(start):
    run = start(parts=1)
    zombie = Part.objects.claim("gone", run=run.pk)

    def somebody_else_takes_it():
        Part.objects.filter(pk=zombie.pk).update(attempt=2, heartbeat=timezone.now())

    while_waiting(lambda: jobs._complete(zombie, {"path": "zombie"}), somebody_else_takes_it)
    part = Part.objects.get(pk=zombie.pk)
    assert (part.status, part.attempt, part.result) == ("running", 2, None)


@postgres_only
@pytest.mark.django_db(transaction=True)
def test_progress_of_a_zombie_that_waited_for_a_lock_is_refused(start):
    run = start(parts=1)
    zombie = Part.objects.claim("gone", run=run.pk)

    def tell():
        with pytest.raises(Fenced):
            zombie.save_checkpoint({"at": 1}, 1, 2)
        return True

    assert while_waiting(tell, lambda: Part.objects.filter(pk=zombie.pk).update(attempt=2))


@postgres_only
@pytest.mark.django_db(transaction=True)
def test_a_cancellation_that_comes_first_wins_over_the_last_part(start, user):
    run = start(parts=0)
    part = Part.objects.claim("here", run=run.pk)
    total(part)
    while_waiting(lambda: jobs._complete(part, None), lambda: run.cancel(by=user))
    assert not Version.objects.exists() and Run.objects.get(pk=run.pk).status == "cancelled"


@postgres_only
@pytest.mark.django_db(transaction=True)
def test_resuming_and_completing_do_not_lock_each_other_out(start, user):
    run = start(parts=1)
    part = Part.objects.claim("here", run=run.pk)
    run.pause(by=user)
    while_waiting(lambda: jobs._complete(part, {"path": "x"}), lambda: run.resume(by=user))
    assert Run.objects.get(pk=run.pk).status == "running"
