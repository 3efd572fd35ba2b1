"""
Two mixtures from source files to exports, by the program's own commands and jobs in a home of its own, and the
snippets that the pages of the exports show.
"""

import html
import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from curation.engine.records import Message
from tests.loaders.environments import ROOT
from tests.loaders.mixture import CHATS, PAIRS

PROFILES = {
    "mix": ("sft_messages", "alpaca", "llamafactory_sft"),
    "pairs": ("pref_explicit",),
}
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
SNIPPET = re.compile(r"<summary>([^<]+) <small>([^<]*)</small></summary>\s*<pre[^>]*><code>(.*?)</code></pre>", re.S)


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


def offered(address: str, cookie: str) -> dict[str, dict[str, str]]:
    """The text of every snippet on the pages of the exports: by profile, then by reader and place."""
    return {
        profile: _snippets(f"{address}/p/default/exports/{mixture}/1/?profile={profile}", cookie)
        for mixture, profiles in PROFILES.items()
        for profile in profiles
    }


def _snippets(page: str, cookie: str) -> dict[str, str]:
    with urllib.request.urlopen(urllib.request.Request(page, headers={"Cookie": cookie})) as answer:
        found = SNIPPET.findall(answer.read().decode())
    return {html.unescape(f"{reader} {place}"): html.unescape(code) for reader, place, code in found}
