"""One file from an address that somebody else wrote down: fetched, or refused in a sentence."""

import gzip
import hashlib
import io
import itertools
import socket
import ssl
import subprocess
import threading

import pytest

from curation.engine.errors import BadInput, Cancelled, Refused
from curation.engine.readers import fetching
from curation.engine.readers.addresses import checked
from curation.engine.readers.fetching import Limits, fetch_url
from tests.curation.engine.fake_web import JSONL, OTHER, PUBLIC, PUBLIC6, FakeWeb, leads_to, page

HERE = "http://data.example/data/train.jsonl"


@pytest.fixture
def web():
    with FakeWeb() as web:
        yield web


@pytest.fixture
def fetch(web):
    def fetched(url=HERE, max_bytes=1 << 20, progress=lambda done, total: None, **limits):
        limits = {"silence": 5.0, **limits}
        target = io.BytesIO()
        made = fetch_url(url, target, Limits(max_bytes, **limits), web.network, progress=progress)
        return made, target.getvalue()

    return fetched


class TestFetching:
    def test_a_file_comes_with_its_name_size_and_hash(self, fetch, web):
        made, data = fetch()
        assert data == JSONL
        assert (made.name, made.bytes) == ("train.jsonl", len(JSONL))
        assert made.sha256 == hashlib.sha256(JSONL).hexdigest()
        assert made.final_url == HERE
        host, _, headers = web.asked[0]
        assert host == "data.example" and headers["Accept-Encoding"] == "identity"
        assert web.wires.to == [(PUBLIC, 80)]

    def test_it_connects_to_an_address_that_was_checked_and_asks_the_name_service_once(self, fetch, web):
        answers = iter([[PUBLIC], ["127.0.0.1"]])
        web.resolve = lambda host, port: next(answers)
        fetch("http://rebound.example:8080/data/train.jsonl")
        assert web.wires.to == [(PUBLIC, 8080)]
        assert web.asked[0][0] == "rebound.example:8080"

    def test_the_next_address_is_tried_when_one_does_not_answer(self, fetch, web):
        web.names["data.example"] = [OTHER, PUBLIC]
        fetch()
        assert web.wires.to == [(OTHER, 80), (PUBLIC, 80)]

    @pytest.mark.parametrize(
        "found", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::ffff:127.0.0.1"], ["169.254.169.254"]]
    )
    def test_a_host_with_an_address_inside_is_refused_before_any_connection(self, fetch, web, found):
        web.names["data.example"] = found
        with pytest.raises(Refused, match=r"data\.example is not a public address") as caught:
            fetch()
        assert not web.wires.to and found[-1] not in str(caught.value)

    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "[::1]", "[::ffff:7f00:1]", "0"]
    )
    def test_the_loopback_is_refused_however_it_is_written(self, fetch, web, host):
        with pytest.raises((Refused, BadInput)):
            fetch(f"http://{host}/data/train.jsonl")
        assert not web.wires.to

    def test_an_intranet_is_reached_where_that_is_allowed(self, fetch, web):
        assert fetch("http://127.0.0.1/data/train.jsonl", private=True)[1] == JSONL
        with pytest.raises(Refused):
            fetch("http://169.254.169.254/data/train.jsonl", private=True)

    def test_an_unknown_host_is_named(self, fetch):
        with pytest.raises(BadInput, match=r"There is no host nowhere\.example"):
            fetch("http://nowhere.example/x.csv")

    def test_a_silent_name_service_may_be_asked_again(self, fetch, web):
        def silent(host, port):
            raise socket.gaierror(socket.EAI_AGAIN, "try again")

        web.resolve = silent
        with pytest.raises(OSError, match=r"does not answer for data\.example"):
            fetch()

    def test_progress_is_told_and_can_stop_it(self, fetch):
        told = []
        fetch(progress=lambda *progress: told.append(progress))
        assert told[-1] == (len(JSONL), len(JSONL))

        def stop(done, total):
            raise Cancelled("stopped")

        with pytest.raises(Cancelled):
            fetch(progress=stop)

    def test_no_proxy_of_the_environment_is_used(self, fetch, web, monkeypatch):
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
        assert fetch()[1] == JSONL

    def test_bytes_are_kept_as_they_were_sent(self, fetch, web):
        packed = gzip.compress(JSONL)
        web.pages["/data/train.jsonl"] = page(packed, Content_Encoding="gzip")
        assert fetch()[1] == packed
        web.pages["/data/train.jsonl"] = page(packed, Content_Encoding="br")
        with pytest.raises(BadInput, match="packed as br"):
            fetch()


class TestRedirects:
    def test_a_redirect_is_followed_and_its_host_checked_and_pinned(self, fetch, web):
        web.pages["/old.jsonl"] = leads_to("http://cdn.example/data/blob?sign=1", 307)
        web.pages["/data/blob"] = page(Content_Disposition="attachment; filename=other.jsonl")
        made, data = fetch("http://data.example/old.jsonl")
        assert data == JSONL and made.name == "old.jsonl"
        assert made.final_url == "http://cdn.example/data/blob"
        assert web.wires.to == [(PUBLIC, 80), (PUBLIC6, 80)]
        assert [host for host, *_ in web.asked] == ["data.example", "cdn.example"]

    def test_a_relative_redirect_stays_on_its_host(self, fetch, web):
        web.pages["/old.jsonl"] = leads_to("data/train.jsonl")
        assert fetch("http://data.example/old.jsonl")[1] == JSONL

    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1/data/train.jsonl",
            "http://169.254.169.254/latest/meta-data/",
            "//127.0.0.1/data/train.jsonl",
            "http://[::1]/data/train.jsonl",
            "file:///etc/passwd",
            "ftp://data.example/x.csv",
            "http://me:secret@data.example/data/train.jsonl",
            "",
        ],
    )
    def test_a_redirect_to_where_nobody_may_go_is_refused(self, fetch, web, url):
        web.pages["/old.jsonl"] = leads_to(url)
        with pytest.raises((Refused, BadInput)):
            fetch("http://data.example/old.jsonl")
        assert len(web.asked) == 1

    def test_a_loop_has_an_end(self, fetch, web):
        web.pages["/loop.jsonl"] = leads_to("/loop.jsonl")
        with pytest.raises(BadInput, match="leads on more than 5 times"):
            fetch("http://data.example/loop.jsonl")
        assert len(web.asked) == 6

    def test_an_endless_redirect_body_is_not_read(self, fetch, web):
        def endless(request):
            request.answer(b"", 302, Location="/data/train.jsonl", Content_Length=None)
            while True:
                request.wfile.write(b" " * 65536)

        web.pages["/old.jsonl"] = endless
        assert fetch("http://data.example/old.jsonl")[1] == JSONL

    def test_from_https_to_http_is_refused(self):
        with pytest.raises(Refused, match="leads from https to http"):
            fetching._next(checked("https://data.example/a"), "http://data.example/b")


class TestLimits:
    def test_a_size_that_is_announced_is_refused_unread(self, fetch, web):
        web.pages["/data/train.jsonl"] = page(b"", Content_Length="2000000")
        with pytest.raises(BadInput, match="larger than 1,048,576 bytes"):
            fetch()

    @pytest.mark.parametrize("headers", [{"Content_Length": None}, {"Content_Length": "100"}])
    def test_an_endless_body_is_cut_off(self, fetch, web, headers):
        def endless(request):
            request.answer(JSONL, **headers)
            while True:
                request.wfile.write(JSONL)

        web.pages["/data/train.jsonl"] = endless
        if headers["Content_Length"]:
            assert fetch()[0].bytes == 100  # what was announced, and not a byte more
        else:
            with pytest.raises(BadInput, match="larger than 1,048,576 bytes"):
                fetch()

    def test_a_body_that_ends_too_early_may_be_tried_again(self, fetch, web):
        web.pages["/data/train.jsonl"] = page(JSONL, Content_Length=str(len(JSONL) + 5))
        with pytest.raises(OSError, match=r"The connection to data\.example failed"):
            fetch()

    def test_a_body_that_drips_has_a_deadline(self, fetch, web):
        web.times = itertools.count(0, 10)
        with pytest.raises(BadInput, match="did not come within 60 seconds"):
            fetch(total=60)

    def test_headers_that_drip_have_one_too(self, fetch, web):
        def drips(request):
            for _ in range(1000):
                request.wfile.write(b"HTTP/1.1 200 OK\r\nX: y\r\n" if not _ else b"X: y\r\n")
                request.wfile.flush()

        web.pages["/data/train.jsonl"] = drips
        web.times = itertools.count(0, 1)
        with pytest.raises(BadInput, match="did not come within 5 seconds"):
            fetch(total=5)

    def test_silence_may_be_tried_again(self, fetch, web):
        over = threading.Event()
        web.pages["/data/train.jsonl"] = lambda request: over.wait(10)
        try:
            with pytest.raises(OSError, match="does not answer, or stopped sending"):
                fetch(silence=0.2)
        finally:
            over.set()

    @pytest.mark.parametrize("status", [500, 503, 429, 408])
    def test_what_may_pass_may_be_tried_again(self, fetch, web, status):
        web.pages["/data/train.jsonl"] = page(status=status)
        with pytest.raises(OSError, match=f"train.jsonl answered {status}"):
            fetch()

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 204, 206, 304])
    def test_what_will_not_is_a_sentence(self, fetch, web, status):
        web.pages["/data/train.jsonl"] = page(b"", status=status)
        with pytest.raises(BadInput, match=rf"train.jsonl answered {status} \("):
            fetch(f"{HERE}?key=secret")

    def test_the_query_is_not_repeated(self, fetch, web):
        web.pages["/data/train.jsonl"] = page(status=404)
        with pytest.raises(BadInput) as caught:
            fetch(f"{HERE}?key=secret")
        assert "secret" not in str(caught.value)

    def test_an_empty_file_is_refused(self, fetch, web):
        web.pages["/data/train.jsonl"] = page(b"")
        with pytest.raises(BadInput, match="is empty"):
            fetch()


class TestNames:
    @pytest.mark.parametrize(
        ("path", "headers", "name"),
        [
            ("/x/train.csv", {"Content_Disposition": 'attachment; filename="b.jsonl"'}, "train.csv"),
            ("/get", {"Content_Disposition": 'attachment; filename="b.jsonl"'}, "b.jsonl"),
            ("/get", {"Content_Disposition": "attachment; filename*=UTF-8''%C3%A4%20b.jsonl"}, "ä_b.jsonl"),
            ("/get", {"Content_Disposition": 'attachment; filename="../../etc/x.csv"'}, "x.csv"),
            ("/get", {"Content_Disposition": 'attachment; filename="..\\\\..\\\\x.csv"'}, "x.csv"),
            ("/get", {"Content_Disposition": "attachment; filename=.hidden.csv"}, "hidden.csv"),
            ("/get", {"Content_Type": "text/csv; charset=utf-8"}, "get.csv"),
            ("/get", {}, "get"),
            ("/", {"Content_Type": "application/x-ndjson"}, "download.jsonl"),
            ("/..%2f..%2fetc%2fa.csv", {}, "a.csv"),
        ],
    )
    def test_a_name_is_plain_and_of_a_readable_kind(self, fetch, web, path, headers, name):
        web.pages[path] = page(**headers)
        assert fetch(f"http://data.example{path}")[0].name == name

    def test_a_web_page_is_no_file_of_rows(self, fetch, web):
        web.pages["/data/train.jsonl"] = page(b"\n<!DOCTYPE html><html>", Content_Type="text/html")
        with pytest.raises(BadInput, match="is a web page, not a file of rows"):
            fetch()

    def test_an_unreadable_kind_is_refused_by_its_first_bytes(self, fetch, web):
        def long(request):
            request.answer(b"%PDF-1.7" * 1000, Content_Length="900000")

        web.pages["/paper.pdf"] = long
        with pytest.raises(BadInput, match=r"paper.pdf is of a kind that cannot be read"):
            fetch("http://data.example/paper.pdf")


def test_a_certificate_must_be_of_the_name_that_was_asked(tmp_path, web, fetch, monkeypatch):
    """Over TLS the connection goes to an address, but the certificate is held against the name."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=data.example",
    ]
    made += ["-addext", "subjectAltName=DNS:data.example", "-keyout", str(key), "-out", str(certificate)]
    try:
        subprocess.run(made, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl makes the certificate, and is not there")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    web.server.socket = context.wrap_socket(web.server.socket, server_side=True)
    web.server.handle_error = lambda *args: None
    with pytest.raises(BadInput, match=r"certificate of data\.example is not to be trusted"):
        fetch("https://data.example/data/train.jsonl")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert fetch("https://data.example/data/train.jsonl")[1] == JSONL
    with pytest.raises(BadInput, match=r"certificate of cdn\.example is not to be trusted"):
        fetch("https://cdn.example/data/train.jsonl")
    assert web.wires.to[0] == (PUBLIC, 443)
    web.pages["/down.jsonl"] = leads_to("http://data.example/data/train.jsonl")
    with pytest.raises(Refused, match="leads from https to http"):
        fetch("https://data.example/down.jsonl")
