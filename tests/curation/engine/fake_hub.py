"""A Hub on the loopback: one dataset with two commits, a gated one, and a record of what was asked."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

OLD, NEW = "a" * 40, "b" * 40
SCRIPT = b"raise SystemExit('a loading script was run')\n"


def files(commit):
    answer = "blue" if commit == OLD else "azure"
    return {
        "README.md": b"# Colours\n",
        "colours.py": SCRIPT,
        "data/train.jsonl": f'{{"question": "What colour is the sky?", "answer": "{answer}"}}\n'.encode(),
        "data/test.csv": b"question,answer\nWhat colour is grass?,green\n",
        "dataset_infos.json": b"{}",
    }


class Hub(BaseHTTPRequestHandler):
    """The few routes that huggingface_hub uses: the info of a dataset, and its files by HEAD and GET."""

    def do_GET(self):
        self.serve(body=True)

    def do_HEAD(self):
        self.serve(body=False)

    def serve(self, body):
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append(path)
        if "/team/locked" in path:
            return self.answer(403, b"", {"X-Error-Code": "GatedRepo"}, body)
        if path.startswith("/api/datasets/team/colours"):
            return self.info(path.partition("/revision/")[2] or "main", body)
        if path.startswith("/datasets/team/colours/resolve/"):
            return self.file(*path.removeprefix("/datasets/team/colours/resolve/").split("/", 1), body)
        return self.answer(404, b"", {"X-Error-Code": "RepoNotFound"}, body)

    def info(self, revision, body):
        commit = {"main": NEW, OLD: OLD, NEW: NEW}.get(revision)
        if commit is None:
            return self.answer(404, b"", {"X-Error-Code": "RevisionNotFound"}, body)
        told = {
            "id": "team/colours",
            "sha": commit,
            "tags": ["license:cc-by-4.0"],
            "siblings": [{"rfilename": name, "size": len(data)} for name, data in files(commit).items()],
        }
        return self.answer(200, json.dumps(told).encode(), {"Content-Type": "application/json"}, body)

    def file(self, commit, name, body):
        data = files(commit).get(name)
        if data is None:
            return self.answer(404, b"", {"X-Error-Code": "EntryNotFound"}, body)
        etag = f'"{hashlib.sha1(data).hexdigest()}"'
        return self.answer(200, data, {"X-Repo-Commit": commit, "ETag": etag}, body)

    def answer(self, status, data, headers, body):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *args):
        """Quiet."""


class FakeHub:
    """Serves while the `with` block lasts; `asked` holds the path of every request."""

    def __enter__(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
        self.server.asked = self.asked = []
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
