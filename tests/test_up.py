"""The embedded start as its user sees it: one command, one link, one Ctrl-C."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

from tests.services import serving

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.slow


@pytest.fixture
def up(tmp_path):
    """`manage.py up` in a home of its own, and its address, once it says that it is there."""
    with serving(tmp_path, tmp_path / "home") as started:
        yield started


def children(pid):
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout
    found = [int(child) for child in listed.split()]
    return found + [grandchild for child in found for grandchild in children(child)]


def alive(pids):
    """Those that still run; one that only waits to be buried does not."""
    return [
        pid
        for pid in pids
        if (stat := Path(f"/proc/{pid}/stat")).exists() and stat.read_text().split()[2] != "Z"
    ]


def gone_within(pids, seconds):
    limit = time.monotonic() + seconds
    while alive(pids) and time.monotonic() < limit:
        time.sleep(0.2)
    return not alive(pids)


def test_the_link_signs_in_once_and_ctrl_c_ends_everything(up):
    process, address, said = up
    (link,) = re.findall(r"http://\S+sesame=\S+", said.read_text())
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    page = browser.open(link).read().decode()
    assert "<h1>Projects</h1>" in page and "Open a project" in page
    assert json.loads(browser.open(f"{address}/api/v1/projects").read()) == []
    assert browser.open(f"{address}/static/css/winnow.css").headers["Content-Type"].startswith("text/css")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(link)
    family = children(process.pid)
    assert len(family) >= 2
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0
    assert said.read_text().splitlines()[-1] == "Stopped."
    assert gone_within(family, 5)


def test_browsers_that_keep_connections_open_shut_nobody_out(up):
    _, address, _ = up
    with ExitStack() as held:
        for _ in range(100):
            idle = held.enter_context(
                socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), 10)
            )
            idle.sendall(b"GET /login/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert idle.recv(12) == b"HTTP/1.1 200"


def test_children_do_not_outlive_a_killed_parent(up):
    process, _, _ = up
    family = children(process.pid)
    process.kill()
    process.wait()
    assert gone_within(family, 30)


def test_a_port_that_is_taken_is_named(up):
    _, address, _ = up
    port = address.rpartition(":")[2]
    second = [sys.executable, "manage.py", "up", "--port", port]
    done = subprocess.run(second, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0 and f"127.0.0.1:{port} is taken" in done.stderr
