from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from curation import jobs
from curation.models import Line, Part, Run, Worker
from curation.questions.comparing import in_words, side_by_side
from curation.questions.watching import Standing, lasting, roughly
from tests.curation.counting import silence

HTMX = {"HX-Request": "true"}


def page_of(client, run, tail="", **headers):
    response = client.get(f"{run.get_absolute_url()}{tail}", headers=headers.get("headers", {}))
    assert response.status_code == 200
    return response.content.decode()


def said(run):
    return list(Line.objects.filter(run=run).order_by("pk").values_list("level", "text"))


def test_a_log_tells_stages_and_the_end(start):
    run = start()
    jobs.work(run.pk)
    assert said(run) == [("info", "count: 3 parts"), ("info", "total: 1 part"), ("info", "done")]


def test_a_log_tells_what_failed_and_who_took_it_up_again(start, user):
    run = start(fail_at=1)
    jobs.work(run.pk)
    jobs.resume(Run.objects.get(pk=run.pk), by=user)
    assert said(run)[1:] == [
        ("error", "count, part 2 failed: Part 1 has no numbers"),
        ("info", "resumed by shell"),
    ]


def test_a_log_tells_of_faults_and_of_lost_workers(start, monkeypatch):
    run = start(parts=1)
    part = Part.objects.claim("gone", run=run.pk)
    silence(part)
    jobs.reap()
    monkeypatch.setattr(Part, "write", lambda *_: (_ for _ in ()).throw(OSError("disk\0")))
    jobs.work(run.pk)
    lost, fault = said(run)[1:3]
    assert lost == ("warning", "count, part 1 lost its worker gone and is open again")
    assert fault[1].startswith("count, part 1 met a fault and is tried again: OSError: disk")
    assert "\0" not in fault[1]


def test_the_page_of_a_finished_run_tells_its_result_and_asks_no_more(client, curator, version):
    made = version("prompts", "one", "two")
    page = page_of(client, made.run)
    assert "<title>Done in" in page and "Made prompts@1 with 2 rows." in page
    assert "hx-trigger" not in page and "First rows of" in page and "two" in page
    assert "/p/default/datasets/prompts/1/rows/" in page


def test_a_run_under_way_is_polled_and_the_last_answer_ends_it(client, curator, start):
    run = start()
    Worker.objects.create(name="here", queues=["cpu"], seen=timezone.now())
    page = page_of(client, run)
    assert 'hx-trigger="every 2s"' in page and "waits for a worker" in page
    jobs.work(run.pk)
    last = page_of(client, run, "progress/?seen=queued", headers=HTMX)
    assert "hx-trigger" not in last and "<title>Done in" in last and 'id="run-results"' in last


def test_a_poll_leaves_buttons_and_log_alone_while_nothing_changed(client, curator, start):
    run = start()
    line = Line.objects.latest("pk")
    same = page_of(client, run, f"progress/?seen=queued&line={line.pk}", headers=HTMX)
    assert "run-pause" not in same and 'id="run-log"' not in same and 'id="run-stages"' in same
    run.pause(by=curator)
    turned = page_of(client, run, f"progress/?seen=queued&line={line.pk}", headers=HTMX)
    assert "run-resume" in turned and "paused by curator-1" in turned and "hx-trigger" in turned


def test_progress_without_htmx_is_the_page_itself(client, curator, start):
    run = start()
    assert client.get(f"{run.get_absolute_url()}progress/").url == run.get_absolute_url()


def test_without_a_worker_the_page_says_how_to_start_one(client, curator, start):
    assert "manage.py worker" in page_of(client, start())


def test_a_failed_run_shows_its_error_folds_the_traceback_and_offers_a_retry(
    client, curator, start, monkeypatch
):
    monkeypatch.setattr(Part, "progress", lambda *_: 1 / 0)
    run = start()
    jobs.work(run.pk)
    page = page_of(client, run)
    assert "division by zero" in page and "<summary>Traceback</summary>" in page
    assert "Retry failed parts" in page and "Failed in count" in page


def test_a_retry_keeps_the_parts_that_are_done(client, curator, start):
    run = start(fail_at=2)
    jobs.work(run.pk)
    done = set(run.parts.filter(status="done").values_list("pk", "attempt"))
    Run.objects.filter(pk=run.pk).update(config={"parts": 3, "fail_at": -1})
    client.post(f"{run.get_absolute_url()}resume/")
    jobs.work(run.pk)
    assert Run.objects.get(pk=run.pk).status == "done"
    assert done <= set(run.parts.values_list("pk", "attempt"))


def test_what_cannot_be_turned_is_refused_with_a_sentence(client, curator, start):
    run = start()
    jobs.work(run.pk)
    page = client.post(f"{run.get_absolute_url()}pause/", follow=True).content.decode()
    assert f"count run {run.pk} is done; there is nothing to pause." in page
    Run.objects.filter(pk=run.pk).update(status="failed", swept=timezone.now())
    page = client.post(f"{run.get_absolute_url()}resume/", follow=True).content.decode()
    assert "were swept since it stopped; start it anew" in page


def test_two_runs_stand_side_by_side(client, curator, start):
    first, second = start(parts=2), start(parts=3)
    for run in (first, second):
        jobs.work(run.pk)
    page = page_of(client, second)
    assert f"run {first.pk}</a>" in page and 'data-is="changed">3<' in page and "value differs" in page
    asked = page_of(client, first, f"?with={second.pk}")
    assert 'data-is="changed">2<' in asked
    assert client.get(f"{first.get_absolute_url()}?with=99999").status_code == 404


def test_parts_are_paged_by_key_and_narrowed_by_stage_and_state(client, curator, start):
    run = start(parts=150)
    page = page_of(client, run, "parts/")
    assert "Count, 100<" in page and "Count, 101<" not in page
    after = run.parts.get(index=99).pk
    later = page_of(client, run, f"parts/?after={after}")
    assert "Count, 101<" in later and "Count, 150<" in later and 'rel="prev"' in later
    assert "Count, 121<" in page_of(client, run, "parts/?stage=0&from=120")
    assert "No part is like that" in page_of(client, run, "parts/?state=failed")


@pytest.mark.parametrize("query", ["?after=x", "?before=-1", f"?after={'9' * 40}", "?state=%00", "?stage=²"])
def test_odd_queries_are_no_failures(client, curator, start, query):
    run = start()
    assert client.get(f"/p/default/runs/{query}").status_code == 200
    assert client.get(f"{run.get_absolute_url()}parts/{query}").status_code == 200
    assert client.get(f"{run.get_absolute_url()}{query}").status_code == 200


def test_the_list_filters_pages_and_polls_what_is_under_way(client, curator, start, monkeypatch):
    monkeypatch.setattr("curation.views.runs.PAGE", 2)
    old, middle, new = start(), start(), start()
    jobs.work(old.pk)
    page = client.get("/p/default/runs/").content.decode()
    assert f"?live={new.pk},{middle.pk}" in page and f"run-{old.pk}-state" not in page
    older = client.get(f"/p/default/runs/?after={middle.pk}").content.decode()
    assert f"run-{old.pk}-state" in older and "hx-trigger" not in older
    newer = client.get(f"/p/default/runs/?before={old.pk}").content.decode()
    assert f"run-{new.pk}-state" in newer
    done = client.get("/p/default/runs/?state=done").content.decode()
    assert f"run-{old.pk}-state" in done and f"run-{new.pk}-state" not in done
    assert "No run is like that" in client.get("/p/default/runs/?kind=count&subject=x").content.decode()


def test_a_poll_of_the_list_answers_cells_and_forgets_what_is_over(client, curator, start):
    one, other = start(), start()
    jobs.work(one.pk)
    answer = client.get(f"/p/default/runs/?live={one.pk},{other.pk}", headers=HTMX).content.decode()
    assert f"?live={other.pk}" in answer and f'id="run-{one.pk}-state" hx-swap-oob' in answer
    jobs.work(other.pk)
    last = client.get(f"/p/default/runs/?live={other.pk}", headers=HTMX).content.decode()
    assert "hx-trigger" not in last


def test_pages_of_runs_take_a_constant_number_of_queries(
    client, curator, start, django_assert_max_num_queries
):
    for _ in range(3):
        start(parts=20)
    run = start(parts=300)
    with django_assert_max_num_queries(12):
        client.get("/p/default/runs/")
    with django_assert_max_num_queries(24):
        client.get(run.get_absolute_url())
    with django_assert_max_num_queries(18):
        client.get(f"{run.get_absolute_url()}progress/?seen=queued", headers=HTMX)


def test_time_left_goes_by_the_work_done_and_the_workers_there():
    half = Standing(parts=10, through=5, working=1, ended=timedelta(seconds=50))
    assert half.seconds_left == 50 and half.left == "50 s"
    assert Standing(parts=10, through=5, working=5, ended=timedelta(seconds=50)).seconds_left == 10
    assert Standing(parts=10, through=5, ended=timedelta(seconds=50)).left == ""
    assert Standing(parts=10, working=1, going=timedelta(seconds=1)).left == ""
    part = Standing(parts=1, working=1, partly=0.25, rows=25, of=100, going=timedelta(seconds=30))
    assert (part.seconds_left, part.percent, round(part.rate, 2)) == (90, "25 %", 0.83)


def test_times_are_said_for_a_reader():
    assert [lasting(s) for s in (None, 0.01, 0.5, 9, 80, 7500)] == [
        "",
        "< 0.1 s",
        "0.5 s",
        "9 s",
        "1 min 20 s",
        "2 h 5 min",
    ]
    assert [roughly(s) for s in (3, 33, 78, 121, 725)] == [
        "a few seconds",
        "35 s",
        "1 min 20 s",
        "2 min",
        "12 min",
    ]


def test_configs_are_told_in_words():
    told = in_words({"max_rejected": 0.5, "lines": [{"benchmark": "quiz", "hit": True}], "none": None})
    assert [(line.key, line.value) for line in told] == [
        ("share of rows that may be rejected", "0.5"),
        ("lines · quiz · benchmark", "quiz"),
        ("lines · quiz · hit", "yes"),
        ("none", "–"),
    ]
    assert in_words({}) == []
    assert [line.key for line in side_by_side({"a": 1, "b": 2}, {"a": 1, "b": 3})] == ["b", "a"]


def test_the_api_lists_turns_and_tells_the_log(client, curator, start):
    run = start()
    at = f"/api/v1/projects/default/runs/{run.pk}"
    listed = client.get("/api/v1/projects/default/runs?status=queued&limit=1").json()
    assert [one["id"] for one in listed["items"]] == [run.pk] and listed["next"] is None
    assert [line["text"] for line in client.get(f"{at}/log?lines=1").json()] == ["count: 3 parts"]
    assert client.post(f"{at}/pause").json()["status"] == "paused"
    assert client.post(f"{at}/resume").json()["status"] == "running"
    assert client.post(f"{at}/cancel").json()["status"] == "cancelled"
    again = client.post(f"{at}/cancel")
    assert again.status_code == 422 and "there is nothing to cancel" in again.json()["detail"]
    assert client.get("/api/v1/projects/default/runs/99999999999999999999").status_code == 422


def test_the_api_asks_a_session_for_its_csrf_token(curator, start):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(curator, backend="django.contrib.auth.backends.ModelBackend")
    assert strict.post(f"/api/v1/projects/default/runs/{start().pk}/pause").status_code == 403
