"""Downloads from the real server: slow, many at once, broken and gone on with, and sent by nginx."""

import hashlib
import json
import os
import random
import re
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError

import pytest

from tests.services import find, nginx, serving

ROOT = Path(__file__).resolve().parent.parent
DATA = "sft_messages/data/train-00000-of-00001.jsonl"
FILES = "/api/v1/projects/default/exports/mix/1/files/"
READERS = 200
pytestmark = pytest.mark.slow
PREPARE = """
from django.core.management import call_command
folder = "%s"
call_command("import", f"{folder}/big.jsonl", name="big", licence="mit")
call_command("mix", f"{folder}/mix.yaml")
call_command("export", "mix", profile=["sft_messages"], format=["jsonl"], override="a test")
from django.contrib.auth import get_user_model
from curation.models import Export, Link, Token
person = get_user_model().objects.create_user("reader", is_superuser=True)
export = Export.objects.get()
print("told:", Token.objects.issue(export.mixture.project, "t", ["export"], days=3, by=person)[1])
print("told:", Link.objects.make(export, 1, by=person).path())
"""


@dataclass(frozen=True)
class Published:
    """A home with one export of a file that no socket buffers whole, a token and a link for it."""

    home: Path
    sha256: str
    bytes: int
    secret: str
    link: str

    @property
    def headers(self):
        return {"Authorization": f"Bearer {self.secret}"}


def manage(home, *arguments):
    own = os.environ | {"WINNOW_HOME": str(home)}
    run = [sys.executable, "manage.py", *arguments]
    return subprocess.run(run, cwd=ROOT, env=own, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    home, dice = folder / "home", random.Random(5)
    rows = [{"prompt": f"q {i}", "answer": dice.randbytes(50_000).hex()} for i in range(160)]
    chats = [[("user", row["prompt"]), ("assistant", row["answer"])] for row in rows]
    told = [{"messages": [{"role": role, "content": text} for role, text in chat]} for chat in chats]
    (folder / "big.jsonl").write_text("".join(json.dumps(row) + "\n" for row in told))
    (folder / "mix.yaml").write_text("name: mix\nseed: 1\ncomponents:\n- dataset: big\n  fraction: 1.0\n")
    manage(home, "migrate", "-v0")
    secret, link = re.findall(r"told: (\S+)", manage(home, "shell", "-v0", "-c", PREPARE % folder))
    (file,) = (home / "store").rglob("train-00000-of-00001.jsonl")
    return Published(home, hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_size, secret, link)


@pytest.fixture(scope="module")
def up(published, tmp_path_factory):
    with serving(tmp_path_factory.mktemp("up"), published.home) as (process, address, _):
        yield process, address


@pytest.fixture
def address(up):
    return up[1]


def fetch(url, **headers):
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60)


def digest(url, **headers):
    found = hashlib.sha256()
    with fetch(url, **headers) as answer:
        while block := answer.read(1 << 16):
            found.update(block)
    return found.hexdigest()


def begin(address, path, **headers):
    """Ask for a file and read nothing of it yet."""
    port = int(address.rpartition(":")[2])
    asked = socket.create_connection(("127.0.0.1", port), 60)
    asked.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    asked.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{lines}\r\n".encode())
    return asked


def body_of(asked, begun):
    """What the answer holds, after the beginning that was read already."""
    read = bytearray(begun)
    while block := asked.recv(1 << 20):
        read += block
    return bytes(read).partition(b"\r\n\r\n")[2]


def refused(url, **headers):
    """The status and the text of an answer that is none."""
    with pytest.raises(HTTPError) as said:
        fetch(url, **headers)
    with said.value as answer:
        return answer.code, answer.read().decode()


def test_two_hundred_slow_readers_leave_the_server_to_others(published, address):
    with ExitStack() as open_ones:
        readers = [
            open_ones.enter_context(begin(address, FILES + DATA, **published.headers)) for _ in range(READERS)
        ]
        heads = [reader.recv(1000) for reader in readers]
        assert all(head.startswith(b"HTTP/1.1 200") for head in heads)
        for _ in range(5):  # while all of them wait
            with urllib.request.urlopen(f"{address}/login/", timeout=30) as page:
                assert page.status == 200
        bodies = (body_of(reader, head) for head, reader in zip(heads[::10], readers[::10], strict=True))
        assert {hashlib.sha256(body).hexdigest() for body in bodies} == {published.sha256}


def test_two_hundred_readers_at_once_all_get_the_right_bytes(published, address):
    size = published.bytes
    spans = [(i * 37_001 % (size - 300_000), 200_000 + i) for i in range(READERS)]
    (file,) = (published.home / "store").rglob("train-00000-of-00001.jsonl")
    whole = file.read_bytes()

    def right(span):
        first, length = span
        asked = {"Range": f"bytes={first}-{first + length - 1}", **published.headers}
        with fetch(address + FILES + DATA, **asked) as answer:
            return answer.status == 206 and answer.read() == whole[first : first + length]

    with ThreadPoolExecutor(READERS) as at_once:
        assert all(at_once.map(right, spans))


def descriptors(process):
    """The files of the store that the server and its children hold open."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True).stdout
    parents = {int(pid): int(ppid) for pid, ppid in (line.split() for line in listed.splitlines())}
    own = {pid for pid in parents if process.pid in ancestry(pid, parents)}
    links = [link for pid in own for link in Path(f"/proc/{pid}/fd").glob("*")]
    return [name for link in links if "train-00000" in (name := target(link))]


def ancestry(pid, parents):
    while pid:
        yield pid
        pid = parents.get(pid, 0)


def target(link):
    try:
        return os.readlink(link)
    except OSError:
        return ""


def none_within(process, seconds):
    limit = time.monotonic() + seconds
    while descriptors(process) and time.monotonic() < limit:
        time.sleep(0.2)
    return descriptors(process) == []


def test_readers_that_go_away_leave_no_file_open(published, up):
    process, address = up
    assert none_within(process, 60)
    readers = [begin(address, FILES + DATA, **published.headers) for _ in range(10)]
    assert all(reader.recv(100) for reader in readers) and len(descriptors(process)) == 10
    for reader in readers:
        reader.close()
    assert none_within(process, 60)


def curl(*arguments):
    return subprocess.run(["curl", "-sS", *arguments], capture_output=True, text=True)


def test_a_killed_download_goes_on_where_it_stopped(published, address, tmp_path):
    target, url = tmp_path / "copy.jsonl", address + published.link + DATA
    first = ["curl", "-sS", "--limit-rate", "4M", "-o", str(target), url]
    killed = subprocess.Popen(first)
    limit = time.monotonic() + 60
    while not (target.exists() and target.stat().st_size > 1_000_000) and time.monotonic() < limit:
        time.sleep(0.05)
    killed.kill()
    killed.wait()
    assert 1_000_000 < target.stat().st_size < published.bytes
    done = curl("-C", "-", "-o", str(target), "-w", "%{http_code} %{size_download}", url)
    code, size = done.stdout.split()
    assert code == "206" and int(size) < published.bytes
    assert hashlib.sha256(target.read_bytes()).hexdigest() == published.sha256
    assert curl("-C", "-", "-o", str(target), "-w", "%{http_code}", url).stdout == "416"


def ends(published, day):
    with closing(sqlite3.connect(published.home / "winnow.sqlite3", timeout=20)) as database:
        database.execute("UPDATE curation_link SET expires = ?", [f"{day} 00:00:00"])
        database.commit()


def test_a_link_that_ends_lets_a_begun_download_finish_and_no_other_begin(published, address):
    url = published.link + DATA
    with begin(address, url) as reader:
        head = reader.recv(1000)
        try:
            ends(published, "2026-01-01")
            code, told = refused(address + url, Range="bytes=1000000-")
            assert code == 403 and "ended on" in told
            assert hashlib.sha256(body_of(reader, head)).hexdigest() == published.sha256
        finally:
            ends(published, "2999-01-01")


def server_block(address, store):
    """The configuration that the page about transport shows, with this server's places in it."""
    (block,) = re.findall(r"```nginx\n(.*?)```", (ROOT / "docs" / "transport.md").read_text(), re.S)
    return block.replace("http://127.0.0.1:8000", address).replace("/srv/winnow/store/", f"{store}/")


@pytest.fixture(scope="module")
def front(published, tmp_path_factory):
    if not find("nginx"):
        pytest.skip("nginx is not installed; tests/services.py install puts it there")
    folder = tmp_path_factory.mktemp("nginx")
    with ExitStack() as running:
        _, address, _ = running.enter_context(serving(folder, published.home, WINNOW_ACCEL_PREFIX="/store/"))
        yield address, running.enter_context(nginx(folder, server_block(address, published.home / "store")))


def test_nginx_sends_what_it_is_told_to(published, front):
    behind, before = front
    with fetch(behind + FILES + DATA, **published.headers) as answer:
        assert answer.headers["X-Accel-Redirect"] and answer.read() == b""
    assert digest(before + FILES + DATA, **published.headers) == published.sha256
    assert digest(before + published.link + DATA) == published.sha256
    with fetch(before + FILES + DATA, Range="bytes=-9", **published.headers) as answer:
        assert answer.status == 206 and len(answer.read()) == 9
        assert answer.headers["ETag"] == f'"sha256-{published.sha256}"'
        assert answer.headers["Content-Range"].endswith(f"/{published.bytes}")
        assert "no-transform" in answer.headers["Cache-Control"] and "X-Accel-Redirect" not in answer.headers


def test_nginx_keeps_to_conditions_and_ends(published, front):
    url = front[1] + published.link + DATA
    etag = f'"sha256-{published.sha256}"'
    with fetch(url, Range="bytes=0-3", **{"If-Range": etag}) as answer:
        assert answer.status == 206
    with fetch(url, Range="bytes=0-3", **{"If-Range": '"sha256-00"'}) as answer:
        assert answer.status == 200
    for status, headers in ((304, {"If-None-Match": etag}), (416, {"Range": f"bytes={published.bytes}-"})):
        assert refused(url, **headers)[0] == status
    head = urllib.request.Request(url, method="HEAD")
    with urllib.request.urlopen(head) as answer:
        assert answer.headers["Content-Length"] == str(published.bytes) and answer.headers["ETag"] == etag


def test_nginx_lets_nobody_past_us(published, front):
    (file,) = (published.home / "store").rglob("train-00000-of-00001.jsonl")
    inside = file.relative_to(published.home / "store")
    for path, status in ((f"/store/{inside}", 404), (FILES + DATA, 401), (f"/d/1.x/mix-1/{DATA}", 404)):
        assert refused(front[1] + path)[0] == status


def test_parallel_downloads_through_nginx_are_whole(published, front):
    with ThreadPoolExecutor(20) as at_once:
        found = set(at_once.map(digest, [front[1] + published.link + DATA] * 40))
    assert found == {published.sha256}
