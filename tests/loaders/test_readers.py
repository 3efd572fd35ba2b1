"""Files read by `datasets` 3.6, and over HTTP from the real server by what reads tables."""

import hashlib
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.loaders.mixture import CHATS
from tests.loaders.publishing import DATA
from tests.loaders.running import answers

HUB = "datasets as from the Hub"
PLAIN = ("datasets on this machine", "datasets from this server", "datasets by a link", HUB)
OLD = ("sft_messages", "llamafactory_sft", "pref_explicit")


@pytest.fixture
def with_datasets(exported, shared):
    found = answers(("readers",), exported, shared)["readers"]["with_datasets"]
    assert "failed" not in found, found["failed"]
    return found


@pytest.fixture
def over_http(over_network):
    return over_network("over_http")


@pytest.fixture
def told(served):
    return json.loads((served / "served.json").read_text())


@pytest.fixture
def rows(told):
    """The conversations that the server has."""
    return pq.read_table(f"{told['export']}/{DATA}.parquet").to_pylist()


def test_datasets_3_loads_every_row_of_every_profile(with_datasets, exported):
    found = with_datasets
    files = sorted(str(path.relative_to(exported)) for path in exported.rglob("train-*"))
    assert sorted(found) == files
    for name in (name for name in files if name.endswith(".parquet")):
        assert found[name] == pq.read_table(exported / name).to_pylist(), name


def test_datasets_3_needs_arguments_as_texts_in_json_lines(with_datasets):
    """Before `datasets` 4.7 objects become structs: each call gets the other tool's keys, with nothing in them."""
    name = "sft_messages/data/train-00000-of-00001.jsonl"
    texts, objects = (
        with_datasets[f"{mixture}/{name}"][0]["messages"][1]["tool_calls"][0]["function"]["arguments"]
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


@pytest.mark.parametrize("profile", OLD)
@pytest.mark.parametrize("way", PLAIN)
def test_datasets_3_loads_by_the_snippets_of_the_page(over_network, told, profile, way):
    """From the disk, by a token, by a link and from the address that stands in for the Hub: the same rows."""
    found = over_network("snippets_plain")[f"{profile} {way}"]
    (path,) = Path(told["export"]).parents[1].rglob(f"{profile}/data/train-*.jsonl")
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert found == rows and len(rows) > 2


@pytest.mark.parametrize("way", ["python", "hf"])
def test_a_download_by_the_snippets_has_every_file(over_network, told, way):
    root = Path(told["export"])
    files = {str(path.relative_to(root)): digest(path) for path in root.rglob("*") if path.is_file()}
    assert over_network("snippets_plain")[way] == files


def test_curl_has_the_file(over_network, told):
    assert over_network("snippets_plain")["curl"] == digest(Path(f"{told['export']}/{DATA}.parquet"))


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_croissant_is_read_without_an_error_and_leads_to_the_rows(over_network, rows):
    """Of the small export, and of one with every profile."""
    found = over_network("with_croissant")
    assert {name: errors for name, (errors, _) in found["issues"].items()} == {"export": [], "described": []}
    assert found["ids"] == sorted(row["id"] for row in rows)
