"""A small web on the loopback: public addresses are made up and lead to one server; every connection is noted."""

import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpcore2

from curation.engine.readers.fetching import Network

PUBLIC, OTHER, PUBLIC6 = "93.184.216.34", "203.0.114.9", "2606:4700::1111"
JSONL = b'{"question": "What colour is the sky?", "answer": "blue"}\n' * 3


class Web(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.headers["Host"], self.path, dict(self.headers)))
        with contextlib.suppress(ConnectionError):
            self.server.pages[self.path.partition("?")[0]](self)

    def answer(self, body=b"", status=200, **headers):
        self.send_response(status)
        headers.setdefault("Content_Length", str(len(body)))
        for name, value in headers.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Quiet."""


def page(body=JSONL, **answer):
    return lambda request: request.answer(body, **answer)


def leads_to(url, status=302):
    return lambda request: request.answer(b"", status, Location=url)


class Wires(httpcore2.SyncBackend):
    """Connects every address that was made up to the one server there is."""

    def __init__(self, port):
        self.port, self.to = port, []

    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        self.to.append((host, port))
        if host == OTHER:
            raise httpcore2.ConnectError("nobody there")
        return super().connect_tcp("127.0.0.1", self.port, timeout)


class FakeWeb:
    """Serves `pages` while the `with` block lasts; `names` is what the name service says."""

    def __enter__(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Web)
        self.server.daemon_threads = True
        self.server.asked = self.asked = []
        self.server.pages = self.pages = {"/data/train.jsonl": page()}
        self.names = {"data.example": [PUBLIC], "cdn.example": [PUBLIC6]}
        self.wires = Wires(self.server.server_port)
        self.times = iter(())
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.server.server_close()

    def resolve(self, host, port):
        if host in self.names:
            return self.names[host]
        try:
            socket.inet_aton(host)
        except OSError:
            if ":" not in host:
                raise socket.gaierror(socket.EAI_NONAME, "unknown") from None
        else:
            host = socket.inet_ntoa(socket.inet_aton(host))
        return [host]

    def clock(self):
        return next(self.times, 0.0)

    @property
    def network(self):
        return Network(self.resolve, self.wires, self.clock)
