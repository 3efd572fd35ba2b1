"""Files read by `datasets` 3.6, and over HTTP from the real server by what reads tables."""

import fcntl
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.loaders.environments import ROOT
from tests.loaders.mixture import CHATS
from tests.loaders.running import answers
from tests.services import serving

FOLDER = "sft_messages/data/train-00000-of-00001"
PREPARE = """
from django.contrib.auth import get_user_model
from django.core.management import call_command
from curation.models import Export, Token
call_command("import", "chats.jsonl", name="chats", licence="cc0-1.0")
call_command("mix", "mix.yaml")
call_command("export", "mix", profile=["sft_messages"], format=["parquet", "jsonl"], override="a test")
person = get_user_model().objects.create_user("reader", is_superuser=True)
print("told:", Token.objects.issue(Export.objects.get().mixture.project, "t", ["export"], days=1, by=person)[1])
"""


def published(folder: Path) -> str:
    """Import, mix and export the conversations in a home of their own; the secret of a token that reads them."""
    told = [{"messages": [{"role": m.role, "content": m.content} for m in chat.messages]} for chat in CHATS]
    (folder / "chats.jsonl").write_text("".join(json.dumps(row) + "\n" for row in told))
    (folder / "mix.yaml").write_text("name: mix\nseed: 1\ncomponents:\n- dataset: chats\n  fraction: 1.0\n")
    run = [sys.executable, str(ROOT / "manage.py"), "shell", "--no-imports", "-c", PREPARE]
    own = os.environ | {"WINNOW_HOME": str(folder / "home")}
    done = subprocess.run(run, cwd=folder, env=own, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return re.findall(r"told: (\S+)", done.stdout)[-1]


@pytest.fixture(scope="session")
def readers(exported, shared):
    """What the readers found, on the disk and on a server that runs as long as they read."""
    with (shared / "readers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "readers.json").exists():
            served = shared / "served"
            served.mkdir()
            secret = published(served)
            with serving(served, served / "home") as (_, address, _):
                base = f"{address}/api/v1/projects/default/exports/mix/1/files/{FOLDER}"
                told = {suffix: f"{base}.{suffix}" for suffix in ("parquet", "jsonl")}
                headers = {"Authorization": f"Bearer {secret}"}
                (exported / "served.json").write_text(json.dumps(told | {"headers": headers}))
                answers(("readers",), exported, shared)
        return answers(("readers",), exported, shared)["readers"]


@pytest.fixture
def over_http(readers):
    assert "failed" not in readers["over_http"], readers["over_http"]["failed"]
    return readers["over_http"]


@pytest.fixture
def rows(shared):
    """The rows of the export that the server has, by their ids."""
    (path,) = (shared / "served" / "home" / "store").rglob(f"{FOLDER}.parquet")
    return pq.read_table(path).to_pylist()


def test_datasets_3_loads_every_row_of_every_profile(readers, exported):
    found = readers["with_datasets"]
    assert "failed" not in found, found["failed"]
    files = sorted(str(path.relative_to(exported)) for path in exported.rglob("train-*"))
    assert sorted(found) == files
    for name in (name for name in files if name.endswith(".parquet")):
        assert found[name] == pq.read_table(exported / name).to_pylist(), name


def test_datasets_3_needs_arguments_as_texts_in_json_lines(readers):
    """Before `datasets` 4.7 objects become structs: each call gets the other tool's keys, with nothing in them."""
    name = "sft_messages/data/train-00000-of-00001.jsonl"
    texts, objects = (
        readers["with_datasets"][f"{mixture}/{name}"][0]["messages"][1]["tool_calls"][0]["function"][
            "arguments"
        ]
        for mixture in ("calls", "objects")
    )
    assert json.loads(texts) == {"city": "Reykjavík", "days": 3, "hourly": False}
    assert objects == {"city": "Reykjavík", "days": 3, "hourly": False, "terms": None, "within": None}


@pytest.mark.parametrize("how", ["pyarrow", "datasets parquet", "datasets jsonl", "datasets streaming"])
def test_rows_come_over_http_as_they_were(over_http, rows, how):
    assert over_http[how] == rows and len(rows) == len(CHATS)


@pytest.mark.parametrize(
    "how", ["pandas parquet", "pandas jsonl", "polars parquet", "polars jsonl", "duckdb"]
)
def test_tables_are_read_over_http(over_http, rows, how):
    assert over_http[how] == [row["id"] for row in rows]
