"""
Two mixtures from source files to exports, by the program's own commands and jobs in a home of its own, and the
snippets that the pages of the exports show.
"""

import html
import io
import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from curation.engine.records import Message
from tests.loaders.environments import ROOT
from tests.loaders.mixture import CHATS, PAIRS

PROFILES = {
    "mix": ("sft_messages", "alpaca", "llamafactory_sft"),
    "pairs": ("pref_explicit",),
}
DATA = "sft_messages/data/train-00000-of-00001"
PROVENANCE = "provenance/train-00000-of-00001.parquet"
PREPARE = f"""
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from curation.models import Export, Link, Token
for name in ("chats", "answers"):
    call_command("import", name + ".jsonl", name=name, licence="cc0-1.0")
for name, profiles in {PROFILES!r}.items():
    call_command("mix", name + ".yaml")
    call_command("export", name, profile=list(profiles), format=["parquet", "jsonl"], override="a test")
person = get_user_model().objects.create_user("reader", is_superuser=True)
for export in Export.objects.all():
    Link.objects.make(export, 7, by=person)
browser = Client()
browser.force_login(person)
project = Export.objects.first().mixture.project
print("told:", Token.objects.issue(project, "t", ["export"], days=1, by=person)[1])
print("told:", settings.SESSION_COOKIE_NAME + "=" + browser.session.session_key)
"""
SNIPPET = re.compile(
    r"<summary>([^<]+) <small>([^<]*)</small></summary>\s*<pre[^>]*><code>(.*?)</code></pre>", re.S
)


def published(folder: Path) -> tuple[str, str]:
    """Import, mix and export; the secret of a token that reads the exports, and the cookie of who may look."""
    chats = [{"messages": turns(chat.messages)} for chat in CHATS]
    pairs = [
        {"prompt": turns(pair.messages)}
        | {side: turns(pair.completions[getattr(pair, side)].messages) for side in ("chosen", "rejected")}
        for pair in PAIRS
    ]
    for name, mixture, rows in (("chats", "mix", chats), ("answers", "pairs", pairs)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        recipe = f"name: {mixture}\nseed: 1\ncomponents:\n- dataset: {name}\n  fraction: 1.0\n"
        (folder / f"{mixture}.yaml").write_text(recipe)
    run = [sys.executable, str(ROOT / "manage.py"), "shell", "--no-imports", "-c", PREPARE]
    own = os.environ | {"WINNOW_HOME": str(folder / "home")}
    done = subprocess.run(run, cwd=folder, env=own, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    secret, cookie = re.findall(r"told: (\S+)", done.stdout)
    return secret, cookie


def turns(messages: Sequence[Message]) -> list[dict[str, Any]]:
    return [{"role": turn.role, "content": turn.content} for turn in messages]


def offered(address: str, cookie: str) -> dict[str, Any]:
    """The text of every snippet on the pages of the exports: by profile, then by reader and place."""
    pages = {
        profile: f"{address}/p/default/exports/{mixture}/1/?profile={profile}"
        for mixture, profiles in PROFILES.items()
        for profile in profiles
    }
    return {"snippets": {profile: _snippets(page, cookie) for profile, page in pages.items()}}


def _snippets(page: str, cookie: str) -> dict[str, str]:
    found = SNIPPET.findall(_asked(page, Cookie=cookie).decode())
    return {html.unescape(f"{reader} {place}"): html.unescape(code) for reader, place, code in found}


def lineage(address: str, secret: str, cookie: str) -> dict[str, Any]:
    """What the server says of every row that the exports' provenance names: both by the id of the row."""
    bearer = {"Authorization": f"Bearer {secret}"}
    rows = {}
    for mixture in PROFILES:
        base = f"{address}/api/v1/projects/default/exports/{mixture}/1"
        table = pq.read_table(io.BytesIO(_asked(f"{base}/files/{PROVENANCE}", **bearer)))
        for row in table.to_pylist():
            said = json.loads(_asked(f"{base}/rows/{row['id']}", Cookie=cookie))
            rows[row["id"]] = {"provenance": row, "said": said}
    return {"rows": rows}


def places(address: str, secret: str, folder: Path) -> dict[str, Any]:
    """Where the first export is on the disk, and its conversations on the server."""
    base = f"{address}/api/v1/projects/default/exports/mix/1/files/{DATA}"
    (path,) = (folder / "home" / "store").rglob(f"{DATA}.parquet")
    headers = {"Authorization": f"Bearer {secret}"}
    found = {suffix: f"{base}.{suffix}" for suffix in ("parquet", "jsonl")}
    return found | {"secret": secret, "headers": headers, "export": str(path.parents[2])}


def _asked(address: str, **headers: str) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:
        body: bytes = answer.read()
    return body
