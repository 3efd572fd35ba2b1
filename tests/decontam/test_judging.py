"""A model is asked about matches, end to end: against a scripted server, which counts what it is asked and sees."""

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from curation import jobs
from curation.endpoints import client_of
from curation.engine.errors import BadConfig, BadInput, Refused
from curation.engine.llm import EndpointConfig
from curation.models import Endpoint, Event, Kind, Reply, Run
from curation.questions.telling import told
from decontam.models import Ruling
from decontam.questions import verdicts
from decontam.questions.reviews import Filter, counts, several
from decontam.tasks.judging import VerdictConfig, start_verdicts
from tests.curation.engine.fake_endpoint import FakeEndpoint, fails, says, slow

SPIDER = "how many legs does a healthy adult spider normally have in all"
TOMATO = "what colour is an unripe tomato on the vine in early spring"
ITEMS = {"quiz": [SPIDER], "exam": [TOMATO]}
CHATS = [f"So {SPIDER}? I forgot.", f"Please: {TOMATO}?", f"{SPIDER}, and {TOMATO}?", "tell me about tides"]
API = "/api/v1/projects/default/scans"


@pytest.fixture
def server():
    with FakeEndpoint() as running:
        yield running


@pytest.fixture
def scanned(scan):
    return scan(ITEMS, *CHATS)


@pytest.fixture
def judge(project, user, server):
    """Make an endpoint: `judge(may_see_benchmark_text=False)`."""

    def make(name="judge", **more):
        config = EndpointConfig(name, server.url, "tiny", **({"may_see_benchmark_text": True} | more))
        return Endpoint.objects.add(project, config, by=user)

    return make


@pytest.fixture
def hasty(monkeypatch):
    """No waiting between tries, and an endpoint is given up for silent after a tenth of a second."""
    monkeypatch.setattr("curation.models.Part.leaving.wait", lambda seconds: None)
    monkeypatch.setattr(
        "decontam.tasks.judging.client_of",
        lambda endpoint, benchmark_text: client_of(endpoint, benchmark_text=benchmark_text, timeout=0.1),
    )


def ask(scan, user=None, **how):
    run = start_verdicts(scan, VerdictConfig("judge", **how), user=user)
    jobs.work(run.pk)
    run.refresh_from_db()
    return run


def rows(run):
    return [row for batch in run.output("verdicts").batches() for row in batch.to_pylist()]


def by_text(request, body):
    """Says `same item` of what quotes the spider, else `related`."""
    seen = body["messages"][1]["content"]
    says(f"verdict: {'same item' if 'spider' in seen else 'related'}\nreason: I looked")(request, body)


# ---- what comes out


def test_every_match_gets_a_verdict_and_nothing_is_ruled(scanned, judge, server, user):
    judge()
    server.then(usual=by_text)
    before = counts(scanned)
    run = ask(scanned, user)
    assert run.status == Run.Status.DONE, run.error + run.traceback
    matches = several(scanned, [1, 2, 3, 4])
    said = rows(run)
    assert [row["seq"] for row in said] == [1, 2, 3, 4]
    for row, match in zip(said, matches, strict=True):
        assert {name: match[name] for name in ("record_id", "item_id", "benchmark", "row_fingerprint")} == {
            name: row[name] for name in ("record_id", "item_id", "benchmark", "row_fingerprint")
        }
        assert (row["reason"], row["model"], row["asked_at_endpoint"]) == ("I looked", "tiny", "judge")
    assert run.output("verdicts").kind == Kind.VERDICTS
    assert run.summary["verdicts"] == {"same item": 3, "related": 1}
    assert counts(scanned) == before and not Ruling.objects.exists()
    assert str(told(Event.objects.filter(verb="asked a model"))[0]) == (
        f"shell asked tiny at judge about matches of scan run {scanned.pk}"
    )


def test_the_model_sees_both_texts_and_how_to_answer(scanned, judge, server):
    judge()
    ask(scanned, wanted={"benchmark": "exam"}, limit=1)
    ((path, body, _),) = server.asked
    assert (path, body["model"], body["temperature"]) == ("/v1/chat/completions", "tiny", 0)
    system, said = (message["content"] for message in body["messages"])
    assert TOMATO in said and said.count(TOMATO) == 2 and "verdict: one of same item" in system


def test_only_the_matches_that_are_wanted_are_asked_about(scanned, judge, user):
    judge()
    Ruling.objects.rule(scanned, several(scanned, [1]), "false alarm", by=user)
    assert [row["seq"] for row in rows(ask(scanned, wanted={"open_only": True}))] == [2, 3, 4]
    assert {row["benchmark"] for row in rows(ask(scanned, wanted={"benchmark": "quiz"}))} == {"quiz"}
    assert [row["seq"] for row in rows(ask(scanned, limit=2))] == [1, 2]


def test_answers_that_hang_on_the_order_of_the_texts_are_unclear(scanned, judge, server):
    judge()

    def first(request, body):
        seen = body["messages"][1]["content"]
        verdict = "same item" if seen.index("[training row") < seen.index("[benchmark item") else "related"
        says(f"verdict: {verdict}\nreason: it came first")(request, body)

    server.then(usual=first)
    run = ask(scanned, both_orders=True)
    assert run.summary["verdicts"] == {"unclear": 4} and len(server.asked) == 8


def test_garbage_is_unclear_and_a_request_that_is_not_taken_as_well(scanned, judge, server):
    judge()
    server.then(says("I would say it is the same item"), fails(400), says(""))
    run = ask(scanned)
    assert run.status == Run.Status.DONE
    assert run.summary["verdicts"] == {"unclear": 3, "related": 1}


# ---- who may see what


def test_benchmark_text_never_reaches_an_endpoint_that_may_not_see_it(scanned, judge, server):
    judge(may_see_benchmark_text=False)
    with pytest.raises(Refused, match="judge may not see benchmark text"):
        start_verdicts(scanned, VerdictConfig("judge"))
    assert server.asked == [] and not Run.objects.filter(kind="judge").exists()


def test_nor_when_the_right_to_see_it_is_taken_away_while_the_run_waits(scanned, judge, server):
    endpoint = judge()
    run = start_verdicts(scanned, VerdictConfig("judge"))
    Endpoint.objects.filter(pk=endpoint.pk).update(may_see_benchmark_text=False)
    jobs.work(run.pk)
    run.refresh_from_db()
    assert run.status == Run.Status.FAILED and "may not see benchmark text" in run.error
    assert server.asked == []


def test_nor_from_a_page_the_api_or_the_shell(client, curator, scanned, judge, server):
    judge(may_see_benchmark_text=False)
    page = client.get(reverse("scan", args=["default", scanned.pk])).content.decode()
    assert "No endpoint here may see benchmark text" in page
    form = client.post(reverse("ask-model", args=["default", scanned.pk]), {"endpoint": "judge", "limit": 5})
    assert form.status_code == 422
    answer = client.post(f"{API}/{scanned.pk}/verdicts", {"endpoint": "judge"}, "application/json")
    assert answer.status_code == 422 and "may not see benchmark text" in answer.json()["detail"]
    with pytest.raises(CommandError, match="may not see benchmark text"):
        call_command("verdicts", scanned.pk, endpoint="judge")
    assert server.asked == []


# ---- what goes wrong


def test_a_silent_endpoint_fails_the_run_with_a_sentence_and_resuming_asks_the_rest_only(
    scanned, judge, server, hasty, monkeypatch, user
):
    monkeypatch.setattr("decontam.tasks.judging.PAIRS", 2)
    judge()
    server.then(says("verdict: related\nreason: r"), says("verdict: related\nreason: r"), usual=slow(0.4))
    run = ask(scanned)
    assert run.status == Run.Status.FAILED and "127.0.0.1 did not answer within 0.1 seconds" in run.error
    assert Reply.objects.count() == 2
    asked = len(server.asked)
    server.then()
    assert jobs.resume(run, by=user)
    jobs.work(run.pk)
    run.refresh_from_db()
    assert run.status == Run.Status.DONE and len(rows(run)) == 4
    assert len(server.asked) - asked == 2


def test_an_endpoint_that_is_busy_for_a_moment_is_no_failure(scanned, judge, server, hasty):
    judge()
    server.then(fails(429, Retry_After="1"), fails(503))
    assert ask(scanned).status == Run.Status.DONE and len(server.asked) == 6


def test_a_second_run_over_the_same_matches_asks_nothing_again(scanned, judge, server):
    judge()
    first, asked = ask(scanned), len(server.asked)
    second = ask(scanned)
    assert rows(first) == rows(second) and len(server.asked) == asked == 4
    assert first.output("verdicts").content_hash == second.output("verdicts").content_hash


def test_an_endpoint_that_was_taken_away_meanwhile_is_a_sentence(scanned, judge, user):
    endpoint = judge()
    run = start_verdicts(scanned, VerdictConfig("judge"))
    Endpoint.objects.remove(endpoint, by=user)
    jobs.work(run.pk)
    run.refresh_from_db()
    assert run.status == Run.Status.FAILED and "There is no endpoint 'judge'" in run.error


@pytest.mark.parametrize(
    ("config", "error", "sentence"),
    [
        ({"endpoint": "judge", "wanted": {"benchmark": "other"}}, BadInput, "has no such matches"),
        ({"endpoint": "nobody"}, BadInput, "Endpoints here: judge, vectors"),
        ({"endpoint": "vectors"}, BadInput, "a verdict needs one for chat"),
        ({"endpoint": "judge", "limit": 0}, BadConfig, "1 to 10,000 matches"),
        ({"endpoint": "judge", "max_tokens": 1}, BadConfig, "16 to 32,768"),
        ({"endpoint": "judge", "wanted": {"method": "magic"}}, BadConfig, "no method"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_a_run_is_there(scanned, judge, config, error, sentence):
    judge()
    judge("vectors", kind="embeddings")
    with pytest.raises(error, match=sentence):
        start_verdicts(scanned, VerdictConfig(**config))
    assert not Run.objects.filter(kind="judge").exists()


# ---- where it is seen


def test_the_newest_verdict_of_each_model_stands_beside_the_decision(client, curator, scanned, judge, server):
    judge()
    server.then(usual=says("verdict: same item\nreason: <b>bold</b> \u202e claims"))
    ask(scanned)
    page = client.get(reverse("review", args=["default", scanned.pk]), {"seq": 1}).content.decode()
    assert "Model tiny says: same item – &lt;b&gt;bold&lt;/b&gt;" in page and "<b>bold" not in page
    Reply.objects.all().delete()
    server.then(usual=says("verdict: unrelated\nreason: on second thoughts"))
    ask(scanned, limit=1)
    assert [row["verdict"] for row in verdicts.on_match(scanned, 1)] == ["unrelated"]
    assert [row["verdict"] for row in verdicts.everything(scanned)] == ["unrelated"] + ["same item"] * 3


def test_the_page_of_a_scan_counts_verdicts_and_asks_a_model(client, curator, scanned, judge, server):
    judge()
    at = reverse("scan", args=["default", scanned.pk])
    assert "No model was asked yet" in client.get(at).content.decode()
    form = reverse("ask-model", args=["default", scanned.pk])
    answer = client.post(form, {"endpoint": "judge", "benchmark": "quiz", "limit": "5", "open_only": "on"})
    run = Run.objects.get(kind="judge")
    assert answer.url == run.get_absolute_url() and run.config["wanted"]["open_only"] is True
    assert client.get(at).status_code == 200  # while it is on its way
    jobs.work(run.pk)
    page = client.get(at).content.decode()
    assert f'<a href="{run.get_absolute_url()}" dir="auto">tiny</a>' in page
    assert f'<a href="{run.output("verdicts").get_absolute_url()}">2</a>' in page
    assert client.get(run.output("verdicts").get_absolute_url()).status_code == 200
    assert client.get(run.get_absolute_url()).status_code == 200


def test_a_form_that_is_refused_keeps_what_was_typed(client, curator, scanned, judge):
    judge()
    form = reverse("ask-model", args=["default", scanned.pk])
    answer = client.post(form, {"endpoint": "judge", "limit": "20000"})
    page = answer.content.decode()
    assert answer.status_code == 422 and "1 to 10,000 matches" in page and 'value="20000"' in page


def test_a_program_asks_and_reads_page_by_page(client, curator, scanned, judge):
    judge()
    answer = client.post(f"{API}/{scanned.pk}/verdicts", {"endpoint": "judge"}, "application/json")
    assert answer.status_code == 202
    jobs.work(answer.json()["run"])
    found = client.get(f"{API}/{scanned.pk}/verdicts", {"limit": 3}).json()
    assert [one["status"] for one in found["runs"]] == ["done"] and found["runs"][0]["verdicts"][
        "related"
    ] == 4
    assert [row["seq"] for row in found["items"]] == [1, 2, 3] and found["next"] == 3
    rest = client.get(f"{API}/{scanned.pk}/verdicts", {"limit": 3, "after": 3}).json()
    assert [row["seq"] for row in rest["items"]] == [4] and rest["next"] is None


def test_the_shell_asks_and_tells_the_counts(scanned, judge, capsys):
    judge()
    call_command("verdicts", scanned.pk, endpoint="judge", benchmark="quiz")
    told = capsys.readouterr().out
    assert "tiny on 2 matches, in chats-verdicts@1" in told and "related: 2" in told


def test_a_viewer_reads_verdicts_and_asks_nothing(client, member, scanned, judge, server):
    judge()
    client.force_login(member("viewer"), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(f"{API}/{scanned.pk}/verdicts").status_code == 200
    assert "Ask the model" not in client.get(reverse("scan", args=["default", scanned.pk])).content.decode()
    assert client.post(reverse("ask-model", args=["default", scanned.pk]), {}).status_code == 403
    assert (
        client.post(f"{API}/{scanned.pk}/verdicts", {"endpoint": "judge"}, "application/json").status_code
        == 403
    )
    assert server.asked == []


def test_filters_that_are_not_of_a_match_are_unknown():
    with pytest.raises(BadConfig, match="Unknown settings"):
        VerdictConfig("judge", {"colour": "red"})
    assert VerdictConfig("judge", {"benchmark": "quiz"}).filter == Filter(benchmark="quiz")
