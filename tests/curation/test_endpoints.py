"""Endpoints as a noun: who makes them, where the key is and is not, and what trying one says."""

import json

import pytest
from django.core.management import CommandError, call_command

from curation.endpoints import KeptReplies, client_of
from curation.engine.errors import Refused
from curation.engine.llm import Answer, EndpointConfig, ask_all
from curation.models import Endpoint, Event, Project, Reply
from curation.questions.telling import told
from tests.curation.engine.fake_endpoint import KEY, FakeEndpoint, fails, raw

AT = "/p/default/endpoints/"
API = "/api/v1/projects/default/endpoints"
VARIABLE = "WINNOW_ENDPOINT_KEY_JUDGE"
TYPED = {"name": "judge", "base_url": "http://localhost:8000/v1", "model": "tiny", "kind": "chat"}


@pytest.fixture
def admin(client, member):
    person = member("admin")
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return person


@pytest.fixture
def server():
    with FakeEndpoint() as running:
        yield running


@pytest.fixture
def endpoint(project, user, server):
    def make(name="judge", **more):
        config = EndpointConfig(name, more.pop("base_url", server.url), "tiny", **more)
        return Endpoint.objects.add(project, config, by=user)

    return make


def test_an_admin_adds_an_endpoint_and_the_audit_log_says_so(client, admin):
    answer = client.post(f"{AT}new/", TYPED | {"key_variable": VARIABLE, "may_see_benchmark_text": "on"})
    assert answer.status_code == 302
    made = Endpoint.objects.get()
    assert (made.base_url, made.model, made.kind, made.by) == (TYPED["base_url"], "tiny", "chat", admin)
    assert made.may_see_benchmark_text and made.key_variable == VARIABLE
    (sentence,) = told(Event.objects.all())
    assert str(sentence) == "admin-1 added the endpoint judge: tiny, which may see benchmark text"
    assert sentence.url == AT
    page = client.get(AT).content.decode()
    assert VARIABLE in page and "is not set here" in page


def test_benchmark_text_is_kept_from_an_endpoint_unless_somebody_says_otherwise(client, admin):
    client.post(f"{AT}new/", TYPED)
    answer = client.post(API, TYPED | {"name": "other"}, content_type="application/json")
    assert answer.status_code == 201 and answer.json()["may_see_benchmark_text"] is False
    assert not Endpoint.objects.filter(may_see_benchmark_text=True).exists()
    with pytest.raises(Refused, match="may not see benchmark text"):
        client_of(Endpoint.objects.first(), benchmark_text=True)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"key_variable": "sk-abc"}, "never the key itself"),
        ({"base_url": "http://169.254.169.254/latest"}, "no endpoint may have"),
        ({"model": ""}, "Name the model"),
        ({"name": "judge it"}, "must be letters"),
    ],
)
def test_a_wrong_endpoint_is_refused_and_loses_nothing(client, admin, wrong, sentence):
    answer = client.post(f"{AT}new/", TYPED | wrong)
    page = answer.content.decode()
    assert answer.status_code == 422 and sentence in page
    assert all(
        f'value="{value}"' in page for name, value in (TYPED | wrong).items() if value and name != "kind"
    )
    again = client.post(API, TYPED | wrong, content_type="application/json")
    assert again.status_code == 422 and sentence in again.json()["detail"]
    assert not Endpoint.objects.exists() and not Event.objects.exists()


def test_a_name_stands_for_one_endpoint(client, admin):
    client.post(f"{AT}new/", TYPED)
    assert "There is an endpoint judge already" in client.post(f"{AT}new/", TYPED).content.decode()


def test_what_is_taken_away_stays_in_the_audit_log(client, admin, endpoint):
    made = endpoint()
    assert client.delete(f"{API}/{made.pk}").status_code == 204
    assert client.post(f"{AT}{made.pk}/remove/").status_code == 404
    assert str(told(Event.objects.all())[0]) == "admin-1 took away the endpoint judge"


def test_an_endpoint_of_another_project_is_not_there(client, admin, user):
    other = Project.objects.create(name="other")
    made = Endpoint.objects.add(other, EndpointConfig("judge", TYPED["base_url"], "tiny"), by=user)
    for verb in ("try", "remove"):
        assert client.post(f"{AT}{made.pk}/{verb}/").status_code == 404
    assert client.delete(f"{API}/{made.pk}").status_code == 404 and Endpoint.objects.exists()


def test_trying_an_endpoint_asks_something_harmless_and_tells_how_long_it_took(
    client, admin, endpoint, server
):
    made = endpoint()
    page = client.post(f"{AT}{made.pk}/try/").content.decode()
    assert "judge answered in 0." in page
    ((path, body, key),) = server.asked
    assert (path, key) == ("/v1/chat/completions", None)
    assert body["messages"] == [{"role": "user", "content": "Answer with the word: ready"}]
    found = client.post(f"{API}/{made.pk}/try").json()
    assert found["good"] and 0 < found["seconds"] < 20 and found["sentence"] == ""


def test_an_embedding_endpoint_is_tried_for_an_embedding(client, admin, endpoint, server):
    made = endpoint(kind="embeddings")
    server.then(raw(b'{"data": [{"embedding": [1.0]}]}'))
    assert client.post(f"{API}/{made.pk}/try").json()["good"]
    assert server.asked[0][0] == "/v1/embeddings"


def test_an_endpoint_that_does_not_answer_is_a_sentence_after_one_try(client, admin, endpoint, server):
    made = endpoint()
    server.then(usual=fails(503))
    page = client.post(f"{AT}{made.pk}/try/").content.decode()
    assert "judge did not answer" in page and "127.0.0.1 answered 503" in page and len(server.asked) == 1


def test_the_key_comes_from_the_environment_and_is_nowhere_else(client, admin, endpoint, server, settings):
    settings.ENDPOINT_KEYS = {VARIABLE: KEY}
    made = endpoint(key_variable=VARIABLE)
    server.then(usual=fails(401, json.dumps({"error": f"wrong key {KEY}"}).encode()))
    seen = [
        client.post(f"{AT}{made.pk}/try/"),
        client.get(AT),
        client.get(API),
        client.get("/p/default/audit/"),
    ]
    assert server.asked[0][2] == f"Bearer {KEY}"
    assert "wants another key" in seen[0].content.decode()
    assert not any(KEY in answer.content.decode() for answer in seen)
    kept = [*Endpoint.objects.values(), *Event.objects.values()]
    assert KEY not in str(kept)


def test_a_key_that_is_not_set_is_a_sentence_and_nothing_is_asked(client, admin, endpoint, server):
    made = endpoint(key_variable=VARIABLE)
    told = client.post(f"{API}/{made.pk}/try").json()
    assert not told["good"] and f"takes its key from {VARIABLE}, which is not set here" in told["sentence"]
    assert server.asked == []


def test_replies_are_kept_by_project_and_asked_for_once(project, endpoint, server):
    client = client_of(endpoint(), benchmark_text=False)
    body = client.body([{"role": "user", "content": "Hello"}])
    first = ask_all(client, [body], KeptReplies(project))
    assert ask_all(client, [body], KeptReplies(project)) == first and len(server.asked) == 1
    other = KeptReplies(Project.objects.create(name="other"))
    ask_all(client, [body], other)
    assert len(server.asked) == 2 and Reply.objects.count() == 2
    (key,) = set(Reply.objects.values_list("key", flat=True))
    other.keep(key, "tiny", Answer("another", "stop"))  # a second worker that asked the same
    assert other.kept([key]) == {key: first[0]}


def test_the_shell_lists_adds_tries_and_removes(project, server, capsys):
    call_command("endpoint", "judge", url=server.url, model="tiny", may_see_benchmark_text=True)
    assert "may see benchmark text" in capsys.readouterr().out
    call_command("endpoint", "judge", trying=True, as_json=True)
    assert json.loads(capsys.readouterr().out)["seconds"] > 0
    server.then(usual=fails(404))
    with pytest.raises(CommandError, match="no model tiny"):
        call_command("endpoint", "judge", trying=True)
    call_command("endpoint", "judge", remove=True)
    with pytest.raises(CommandError, match=r"no endpoint 'judge' .* none yet"):
        call_command("endpoint", "judge", trying=True)
