"""A scripted endpoint on the loopback that speaks the OpenAI format and counts what it is asked; no model is in it."""

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpcore2

from curation.engine.llm import Direct, LLMClient
from curation.engine.readers.addresses import system_resolver
from curation.engine.readers.fetching import Network

KEY = "sk-very-secret"
ANSWER = "verdict: related\nreason: both are about spiders"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.asked.append((self.path, body, self.headers.get("Authorization")))
            script = self.server.script.pop(0) if self.server.script else self.server.usual
        with contextlib.suppress(ConnectionError):
            script(self, body)

    def answer(self, body=b"", status=200, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Quiet."""


def chat(text, finish="stop"):
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    told = {"choices": [choice], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
    return json.dumps(told).encode()


def says(text, finish="stop"):
    return lambda request, body: request.answer(chat(text, finish))


def fails(status, body=b'{"error": "no"}', **headers):
    return lambda request, _: request.answer(body, status, **headers)


def raw(body):
    return lambda request, _: request.answer(body)


def slow(seconds, text=ANSWER):
    def script(request, _):
        time.sleep(seconds)
        request.answer(chat(text))

    return script


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


class FakeEndpoint:
    """Answers with `script`, one after the other, then with `usual`, while the `with` block lasts."""

    def __enter__(self):
        self.server = server = Server(("127.0.0.1", 0), Handler)
        server.lock = threading.Lock()
        server.asked, server.script, server.usual = [], [], says(ANSWER)
        self.url = f"http://127.0.0.1:{server.server_port}/v1"
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.server.server_close()

    @property
    def asked(self):
        return self.server.asked

    def then(self, *script, usual=None):
        self.server.script[:] = script
        self.server.usual = usual or says(ANSWER)

    def client(self, url=None, key=KEY, resolve=system_resolver, **how):
        self.paused = []
        network = Network(resolve, httpcore2.SyncBackend(), time.monotonic)
        return LLMClient(
            url or self.url, "tiny", key, transport=Direct(network), pause=self.paused.append, **how
        )
