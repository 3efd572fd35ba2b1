"""The client of endpoints against a real server on the loopback: what it sends, tries again, refuses and keeps."""

import json
import threading
import traceback
from threading import Event

import pytest

from curation.engine.errors import BadConfig, BadInput, Refused
from curation.engine.llm import EMBEDDINGS, Answer, Declined, EndpointConfig, ask_all, request_key
from curation.engine.llm.faults import (
    Busy,
    EndpointFault,
    Garbled,
    KeyRefused,
    NoSuchModel,
    TimedOut,
    TooLarge,
    Unreachable,
)
from tests.curation.engine.fake_endpoint import ANSWER, KEY, FakeEndpoint, fails, raw, says, slow

HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def endpoint():
    with FakeEndpoint() as running:
        yield running


class Kept(dict):
    """Replies in memory."""

    def kept(self, keys):
        return {key: self[key] for key in keys if key in self}

    def keep(self, key, model, answer):
        self[key] = answer


def asked(client, text="Hello"):
    return client.chat(client.body([{"role": "user", "content": text}], temperature=0))


# ---- one request


def test_a_chat_is_sent_in_the_openai_format_with_the_key(endpoint):
    assert asked(endpoint.client()) == Answer(ANSWER, "stop", 7, 3)
    assert endpoint.asked == [
        (
            "/v1/chat/completions",
            {"model": "tiny", "messages": HELLO, "temperature": 0},
            f"Bearer {KEY}",
        )
    ]


def test_without_a_key_no_key_is_sent(endpoint):
    asked(endpoint.client(key=""))
    assert endpoint.asked[0][2] is None


def test_any_path_is_posted_to_as_embeddings_need_it(endpoint):
    endpoint.then(raw(b'{"data": [{"embedding": [0.5]}]}'), raw(b'{"data": [{"embedding": [0.5]}]}'))
    client = endpoint.client()
    assert client.post(EMBEDDINGS, {"model": "tiny", "input": ["x"]})["data"][0]["embedding"] == [0.5]
    client.ping(EMBEDDINGS)
    with pytest.raises(Garbled, match="without an embedding"):
        client.ping(EMBEDDINGS)


def test_a_model_that_says_nothing_says_nothing(endpoint):
    endpoint.then(raw(b'{"choices": [{"message": {"content": null}, "finish_reason": "length"}]}'))
    assert asked(endpoint.client()) == Answer("", "length")


def test_nul_characters_are_replaced_since_databases_refuse_them(endpoint):
    endpoint.then(says("a\0b"))
    assert asked(endpoint.client()).text == "a\N{REPLACEMENT CHARACTER}b"


# ---- again


def test_too_many_requests_are_tried_again_after_as_long_as_the_server_asks(endpoint):
    endpoint.then(fails(429, Retry_After="7"), fails(503))
    assert asked(endpoint.client()).text == ANSWER
    assert endpoint.paused == [7, 2] and len(endpoint.asked) == 3


def test_a_server_cannot_make_us_wait_for_ever(endpoint):
    endpoint.then(fails(429, Retry_After="86400"), fails(429, Retry_After="tomorrow"))
    asked(endpoint.client())
    assert endpoint.paused == [30, 2]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_tries_are_bounded(endpoint, status):
    endpoint.then(usual=fails(status))
    with pytest.raises(Busy, match=f"127.0.0.1 answered {status}"):
        asked(endpoint.client(tries=3))
    assert len(endpoint.asked) == 3 and endpoint.paused == [1, 2]


def test_a_slow_endpoint_is_given_up_with_a_sentence(endpoint):
    endpoint.then(usual=slow(0.5))
    with pytest.raises(TimedOut, match=r"127\.0\.0\.1 did not answer within 0\.1 seconds"):
        asked(endpoint.client(timeout=0.1, tries=2))
    assert len(endpoint.asked) == 2


def test_an_answer_that_drips_has_an_end(endpoint):
    def drips(request, _):
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.end_headers()
        while True:
            request.wfile.write(b" ")
            request.wfile.flush()
            request.server.dripped.wait(0.02)

    endpoint.server.dripped = Event()
    endpoint.then(usual=drips)
    with pytest.raises(TimedOut):
        asked(endpoint.client(timeout=0.2, tries=1))


def test_a_connection_that_is_closed_half_way_is_tried_again(endpoint):
    def closes(request, _):
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.end_headers()
        request.wfile.write(b'{"choices"')
        request.close_connection = True

    endpoint.then(closes)
    assert asked(endpoint.client()).text == ANSWER


# ---- not again


@pytest.mark.parametrize(
    ("script", "fault", "sentence"),
    [
        (fails(401), KeyRefused, "wants another key for the model tiny"),
        (fails(403), KeyRefused, "wants another key"),
        (fails(404), NoSuchModel, "no model tiny, or its base URL is another"),
        (fails(400), Declined, "may be too long"),
        (fails(307, Location="http://elsewhere.example/"), Garbled, "answered 307"),
        (raw(b"<html>"), Garbled, "no JSON object"),
        (raw(b"[]"), Garbled, "no JSON object"),
        (raw(b'{"choices": []}'), Garbled, "without choices"),
        (raw(b"{}"), Garbled, "without choices"),
        (raw(b'{"choices": [7]}'), Garbled, "holds no message"),
        (raw(b'{"choices": [{"message": {"content": [1]}}]}'), Garbled, "holds no message"),
        (raw(b'{"choices": [{"message": {"content": "\\ud800"}}]}'), Garbled, "no JSON object"),
        (raw(b" " * 2000), TooLarge, "larger than 1,000 bytes"),
    ],
)
def test_what_no_second_try_mends_is_a_sentence_at_once(endpoint, script, fault, sentence):
    endpoint.then(usual=script)
    with pytest.raises(fault, match=sentence):
        asked(endpoint.client(most_bytes=1000))
    assert len(endpoint.asked) == 1 and endpoint.paused == []


def test_nobody_there_is_a_sentence(endpoint):
    with pytest.raises(Unreachable, match="is the server there up"):
        asked(endpoint.client("http://127.0.0.1:9/v1", tries=1))


def test_a_name_that_leads_nowhere_is_a_sentence(endpoint):
    def nowhere(host, port):
        return []

    with pytest.raises(Unreachable, match="There is no host gpu-box"):
        asked(endpoint.client("http://gpu-box/v1", resolve=nowhere, tries=1))


@pytest.mark.parametrize("found", ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "0.0.0.0"])
def test_a_name_that_leads_to_where_clouds_keep_keys_is_refused(endpoint, found):
    with pytest.raises(Refused, match="no endpoint may have"):
        asked(endpoint.client("http://gpu-box/v1", resolve=lambda host, port: ["127.0.0.1", found]))
    assert endpoint.asked == []


@pytest.mark.parametrize("status", [400, 401, 404, 418, 500])
def test_neither_the_key_nor_what_the_server_wrote_is_in_an_error(endpoint, status):
    endpoint.then(usual=fails(status, json.dumps({"error": f"bad key {KEY} for Hello"}).encode()))
    with pytest.raises(EndpointFault) as caught:
        asked(endpoint.client(tries=1))
    told = "".join(traceback.format_exception(caught.value))
    assert KEY not in told and "bad key" not in told


def test_a_key_with_a_line_break_is_refused_without_being_shown(endpoint):
    with pytest.raises(BadConfig) as caught:
        endpoint.client(key="sk-abc\r\nHost: elsewhere")
    assert "sk-abc" not in str(caught.value)


# ---- many requests


def bodies(client, *texts):
    return [client.body([{"role": "user", "content": text}]) for text in texts]


def test_answers_come_in_the_order_of_the_questions(endpoint):
    endpoint.then(usual=lambda request, body: says(body["messages"][0]["content"].upper())(request, body))
    client, texts = endpoint.client(), [f"question {n}" for n in range(20)]
    assert [one.text for one in ask_all(client, bodies(client, *texts), Kept())] == [
        text.upper() for text in texts
    ]


def test_what_was_answered_is_not_asked_again_and_equal_requests_are_asked_once(endpoint):
    client, kept = endpoint.client(), Kept()
    ask_all(client, bodies(client, "a", "b", "a"), kept)
    assert len(endpoint.asked) == 2
    told = []
    ask_all(client, bodies(client, "a", "b", "c"), kept, progress=lambda *at: told.append(at))
    assert len(endpoint.asked) == 3 and told == [(2, 3), (3, 3)]


def test_what_was_answered_before_a_failure_is_kept(endpoint):
    client, kept = endpoint.client(tries=1), Kept()
    endpoint.then(says("one"), says("two"), usual=fails(401))
    with pytest.raises(KeyRefused):
        ask_all(client, bodies(client, "a", "b", "c", "d"), kept, at_once=1)
    assert sorted(answer.text for answer in kept.values()) == ["one", "two"]
    endpoint.then(usual=says("later"))
    before = len(endpoint.asked)
    answers = ask_all(client, bodies(client, "a", "b", "c", "d"), kept, at_once=1)
    assert [one.text for one in answers] == ["one", "two", "later", "later"]
    assert len(endpoint.asked) - before == 2


def test_those_on_their_way_when_another_fails_are_kept_as_well(endpoint):
    client, kept = endpoint.client(tries=1), Kept()
    together = threading.Barrier(3, timeout=30)

    def once_all_are_there(script):
        def answer(request, body):
            together.wait()
            script(request, body)

        return answer

    endpoint.then(*map(once_all_are_there, (fails(401), slow(0.3), slow(0.3))))
    with pytest.raises(KeyRefused):
        ask_all(client, bodies(client, "a", "b", "c"), kept, at_once=3)
    assert len(kept) == 2


def test_a_request_that_is_not_taken_does_not_end_the_others_and_is_asked_again_later(endpoint):
    client, kept = endpoint.client(), Kept()
    endpoint.then(says("one"), fails(400), says("three"))
    first, second, third = ask_all(client, bodies(client, "a", "b", "c"), kept, at_once=1)
    assert (first.text, third.text) == ("one", "three") and isinstance(second, Declined)
    assert len(kept) == 2


def test_a_request_is_known_by_model_messages_and_sampling():
    body = {"model": "tiny", "messages": HELLO, "temperature": 0}
    assert request_key("chat", body) == request_key("chat", dict(reversed(body.items())))
    others = [body | {"temperature": 1}, body | {"model": "large"}, body | {"messages": []}]
    assert len({request_key("chat", other) for other in [body, *others]}) == 4
    assert request_key("chat", body) != request_key("embeddings", body)


# ---- what an endpoint may be

GOOD = {"name": "judge", "base_url": "http://localhost:8000/v1", "model": "tiny"}


@pytest.mark.parametrize(
    ("wrong", "error", "sentence"),
    [
        ({"name": "a b"}, BadConfig, "The name of an endpoint must be letters"),
        ({"base_url": "ftp://x/v1"}, Refused, "https:// or http://"),
        ({"base_url": "http://me:secret@x/v1"}, Refused, "user name or password"),
        ({"base_url": "http:///v1"}, BadInput, "names no host"),
        ({"base_url": "http://x/v1?key=abc"}, BadConfig, r"without \? and #"),
        ({"base_url": "http://169.254.169.254/v1"}, Refused, "no endpoint may have"),
        ({"base_url": "http://[fe80::1]/v1"}, Refused, "no endpoint may have"),
        ({"base_url": "http://x/" + "v" * 500}, BadConfig, "at most 500"),
        ({"model": ""}, BadConfig, "Name the model"),
        ({"model": "a\nb"}, BadConfig, "Name the model"),
        ({"key_variable": "sk-very-secret"}, BadConfig, "never the key itself"),
        ({"key_variable": "WINNOW_SECRET_KEY"}, BadConfig, "WINNOW_ENDPOINT_KEY_"),
        ({"key_variable": "WINNOW_ENDPOINT_KEY_"}, BadConfig, "WINNOW_ENDPOINT_KEY_"),
        ({"kind": "images"}, BadConfig, "choose chat or embeddings"),
    ],
)
def test_an_endpoint_that_cannot_be_meant_is_refused(wrong, error, sentence):
    with pytest.raises(error, match=sentence):
        EndpointConfig(**(GOOD | wrong))


def test_an_endpoint_of_the_house_will_do_and_sees_no_benchmark_text_unless_said():
    for url in ("http://127.0.0.1:8000/v1", "http://10.0.0.7/v1", "https://models.example/v1/"):
        assert not EndpointConfig(**(GOOD | {"base_url": url})).may_see_benchmark_text
