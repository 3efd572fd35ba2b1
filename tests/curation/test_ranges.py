import hashlib
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils.http import http_date

from curation.delivery.ranges import Beyond, Span, asked_span
from curation.models import store
from tests.curation.exporting import DATA, mix, publish


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", Span(0, 0)),
        ("bytes=0-99", Span(0, 9)),
        ("bytes=3-", Span(3, 9)),
        ("bytes=-4", Span(6, 9)),
        ("bytes=-40", Span(0, 9)),
        ("Bytes= 2-5 ", Span(2, 5)),
        ("bytes=9-9", Span(9, 9)),
    ],
)
def test_one_range_is_these_bytes(header, span):
    assert asked_span(header, 10) == span


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-11", "bytes=-0", "bytes=999999999999999999-"])
def test_a_range_past_the_end_is_beyond(header):
    with pytest.raises(Beyond):
        asked_span(header, 10)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "bytes=",
        "bytes=-",
        "bytes=5-2",
        "bytes=a-b",
        "rows=0-1",
        "bytes=0-1,3-4",
        "bytes=0-1-2",
        "bytes 0-1",
    ],
)
def test_what_is_no_single_range_is_the_whole_file(header):
    assert asked_span(header, 10) is None


def test_digits_of_other_scripts_and_endless_numbers_are_no_range():
    assert asked_span("bytes=１-２", 10) is None
    assert asked_span(f"bytes={'9' * 4000}-", 10) is None


def test_of_an_empty_file_every_range_is_beyond():
    for header in ("bytes=0-", "bytes=-1"):
        with pytest.raises(Beyond):
            asked_span(header, 0)


@pytest.fixture
def export(project, version, user):
    version("books", "one", "two", "three")
    mix(project, user)
    return publish(project, user)


@pytest.fixture
def whole(export):
    with store().open(f"{export.folder}/{DATA}") as file:
        return file.read()


@pytest.fixture
def ask(client, curator, export):
    """Ask for the file with some headers: the answer and its body."""

    def asked(method="get", **headers):
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = getattr(client, method)(
            reverse("export-file", args=["default", "mix", 1, DATA]), headers=sent
        )
        return answer, b"".join(answer.streaming_content) if answer.streaming else answer.content

    return asked


def test_a_range_is_answered_with_its_bytes_and_where_they_lie(ask, whole):
    answer, body = ask(Range="bytes=5-14")
    assert (answer.status_code, body) == (206, whole[5:15])
    assert answer["Content-Range"] == f"bytes 5-14/{len(whole)}" and answer["Content-Length"] == "10"
    answer, body = ask(Range="bytes=-7")
    assert (answer.status_code, body) == (206, whole[-7:])


def test_whole_files_say_that_ranges_are_possible_and_who_they_are(ask, whole, export):
    answer, body = ask()
    assert (answer.status_code, body) == (200, whole)
    assert answer["Accept-Ranges"] == "bytes" and answer["Content-Length"] == str(len(whole))
    assert answer["ETag"] == f'"sha256-{hashlib.sha256(whole).hexdigest()}"'
    assert answer["Last-Modified"] == http_date(export.created.timestamp())
    assert answer["Cache-Control"] == "private, no-cache, no-transform"


def test_a_head_says_the_same_and_ignores_a_range(ask, whole):
    answer, body = ask("head", Range="bytes=0-1")
    assert (answer.status_code, body, answer["Content-Length"]) == (200, b"", str(len(whole)))
    assert answer["ETag"] and answer["Accept-Ranges"] == "bytes"


def test_past_the_end_is_416_with_the_size(ask, whole):
    answer, body = ask(Range=f"bytes={len(whole)}-")
    assert (answer.status_code, body, answer["Content-Range"]) == (416, b"", f"bytes */{len(whole)}")


@pytest.mark.parametrize("header", ["bytes=0-1,4-5", "bytes=9-2", "rows=1-2", "nonsense"])
def test_several_ranges_and_nonsense_are_answered_with_the_whole(ask, whole, header):
    answer, body = ask(Range=header)
    assert (answer.status_code, body) == (200, whole) and "Content-Range" not in answer


def test_a_range_of_another_file_than_the_one_begun_is_the_whole(ask, whole, export):
    etag, at = ask("head")[0]["ETag"], http_date(export.created.timestamp())
    for same in (etag, at):
        assert ask(Range="bytes=1-2", If_Range=same)[0].status_code == 206
    later = http_date((export.created + timedelta(days=1)).timestamp())
    for other in ('"sha256-00"', f"W/{etag}", later, "nonsense"):
        answer, body = ask(Range="bytes=1-2", If_Range=other)
        assert (answer.status_code, body) == (200, whole)


def test_who_has_the_file_is_told_so(ask, export):
    etag, at = ask("head")[0]["ETag"], http_date(export.created.timestamp())
    for headers in ({"If_None_Match": etag}, {"If_Modified_Since": at}, {"If_None_Match": f'"x", {etag}'}):
        answer, body = ask(**headers)
        assert (answer.status_code, body, answer["ETag"]) == (304, b"", etag)
    assert ask(If_None_Match='"other"')[0].status_code == 200
    assert ask(If_Match='"other"')[0].status_code == 412
    assert ask(If_None_Match=etag, Range="bytes=0-1")[0].status_code == 304


def test_a_file_is_never_compressed_on_its_way(ask, whole, settings):
    settings.MIDDLEWARE = ["django.middleware.gzip.GZipMiddleware", *settings.MIDDLEWARE]
    answer, body = ask(Accept_Encoding="gzip, deflate")
    assert "Content-Encoding" not in answer and body == whole
    answer, body = ask(Accept_Encoding="gzip", Range="bytes=0-99")
    assert (answer["Content-Length"], body) == ("100", whole[:100])


def test_a_front_server_is_told_where_the_file_lies(ask, settings, export, whole):
    settings.ACCEL_PREFIX = "/store/"
    answer, body = ask(Range="bytes=0-4")
    assert (answer.status_code, body) == (200, b"")
    assert answer["X-Accel-Redirect"] == f"/store/{export.folder}/{DATA}"
    assert answer["ETag"] == f'"sha256-{hashlib.sha256(whole).hexdigest()}"'
    assert "X-Accel-Redirect" not in ask("head")[0]


def test_a_store_elsewhere_is_read_by_us_whatever_the_front_server(ask, settings, whole, monkeypatch):
    settings.ACCEL_PREFIX = "/store/"
    monkeypatch.setattr("curation.delivery.sending.store", lambda: Elsewhere(store()))
    assert ask(Range="bytes=2-3")[1] == whole[2:4]


class Elsewhere:
    """A store in a bucket, as far as sending a file can see."""

    local = False

    def __init__(self, real):
        self.open = real.open
