"""The files of an export: exact bytes, layout, names, and the provenance beside them."""

import hashlib
import io
import json
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.engine.errors import BadConfig, BadInput
from curation.engine.exporters import PROFILES, provenance, shard_path, write_jsonl, write_parquet
from curation.engine.exporters.files import JSON_TEXT
from curation.engine.records import Content, Message, record_id
from tests.curation.engine.making import ANSWER, ASK, CONTENTS, batch_of, exported


def test_what_is_written_is_told_exactly(tmp_path):
    batch, schema = exported()
    for write, suffix in ((write_parquet, "parquet"), (write_jsonl, "jsonl")):
        path = tmp_path / f"x.{suffix}"
        told = write(path, [batch], schema)
        data = path.read_bytes()
        assert (told.rows, told.bytes, told.sha256) == (2, len(data), hashlib.sha256(data).hexdigest())
        assert told.raw_bytes > 0


def big(rows):
    """More rows than one row group, in texts of very different length."""
    texts = [f"{n} " * (n % 7) + "x" for n in range(rows)]
    return exported("sft_messages", *(Content((Message("user", text), ANSWER)) for text in texts))


@pytest.mark.parametrize("write", [write_parquet, write_jsonl])
def test_files_are_the_same_bytes_however_the_rows_arrive(write):
    batch, schema = big(23_000)
    found = set()
    for size in (23_000, 10_000, 9_999, 777):
        parts = [batch.slice(at, size) for at in range(0, batch.num_rows, size)]
        found.add(write(io.BytesIO(), parts, schema).sha256)
    copies = pa.Table.from_batches([batch]).take(pa.array(range(23_000))).to_batches()
    found.add(write(io.BytesIO(), copies, schema).sha256)
    assert len(found) == 1


def test_parquet_files_have_the_layout_that_readers_want(tmp_path):
    batch, schema = big(23_000)
    write_parquet(tmp_path / "x.parquet", [batch], schema.with_metadata({"huggingface": "{}"}))
    with pq.ParquetFile(tmp_path / "x.parquet") as file:
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
        assert [group.num_rows for group in groups] == [10_000, 10_000, 3_000]
        assert {group.column(0).compression for group in groups} == {"ZSTD"}
        assert groups[0].column(0).has_offset_index and groups[0].column(0).has_column_index
        assert file.schema_arrow.metadata is None
        assert file.schema_arrow == schema


def test_row_groups_of_long_texts_are_smaller(monkeypatch, tmp_path):
    monkeypatch.setattr("curation.engine.exporters.files.GROUP_BYTES", 1000)
    batch, schema = exported("sft_messages", *[Content((Message("user", "x" * 333), ANSWER))] * 10)
    write_parquet(tmp_path / "x.parquet", [batch.slice(0, 3), batch.slice(3)], schema)
    with pq.ParquetFile(tmp_path / "x.parquet") as file:
        assert [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)] == [
            3,
            3,
            3,
            1,
        ]


def test_json_lines_have_objects_where_parquet_has_json_texts():
    batch, schema = exported()
    file = io.BytesIO()
    file.close = lambda: None
    write_jsonl(file, [batch.slice(1), batch.slice(0, 1)], schema, objects=JSON_TEXT)
    second, first = file.getvalue().splitlines()
    assert b'"arguments":{"n":12345678901234567890123}' in first
    row = json.loads(first)
    assert row["tools"] == [{"type": "function", "function": {"name": "f"}}]
    assert row["messages"][1]["content"] is None
    assert [list(m) for m in row["messages"]] == [["role", "content", "tool_calls"]] * 4
    assert orjson.loads(second)["tools"] is None
    kept = io.BytesIO()
    kept.close = lambda: None
    write_jsonl(kept, [batch], schema)
    lines = [json.loads(line) for line in kept.getvalue().splitlines()]
    assert lines == batch.to_pylist()


@given(st.lists(CONTENTS, min_size=1, max_size=8), st.sampled_from(sorted(PROFILES)))
@settings(deadline=None)
def test_nothing_is_lost_in_either_file(contents, name):
    batch, schema = exported(name, *contents)
    parquet, lines = io.BytesIO(), io.BytesIO()
    parquet.close = lines.close = lambda: None
    write_parquet(parquet, [batch], schema)
    write_jsonl(lines, [batch], schema)
    assert pq.read_table(parquet).to_pylist() == batch.to_pylist()
    assert [json.loads(line) for line in lines.getvalue().split(b"\n")[:-1]] == batch.to_pylist()


def test_an_export_without_rows_is_still_a_file(tmp_path):
    batch, schema = exported("sft_messages", Content((ASK,)))
    assert write_parquet(tmp_path / "x.parquet", [batch], schema).rows == 0
    assert pq.read_table(tmp_path / "x.parquet").schema == schema
    assert write_jsonl(tmp_path / "x.jsonl", [], schema).bytes == 0


def test_train_files_are_named_as_the_hub_expects():
    assert shard_path("train", 0, 3) == "data/train-00000-of-00003.parquet"
    made = shard_path("validation", 11, 12, profile="prompts", suffix="jsonl")
    assert made == "prompts/data/validation-00011-of-00012.jsonl"
    with pytest.raises(BadConfig, match="A split is called train, validation, test; not dev"):
        shard_path("dev", 0, 1)
    words = ("test", "dev", "eval", "valid", "val", "training", "testing")
    assert not any(word in name.split("_") for name in PROFILES for word in words)


def test_provenance_says_where_each_row_is_from(tmp_path):
    batch = batch_of(Content((ASK,), licence="mit"), Content((ANSWER,)))
    made = provenance(batch, ["ecqa-clean@1", "gpteacher@12"], pa.array([1, 0]).to_numpy())
    told = write_parquet(tmp_path / "provenance.parquet", [made], made.schema)
    first, second = pq.read_table(tmp_path / "provenance.parquet").to_pylist()
    assert told.rows == 2
    assert first == {
        "id": record_id("src", "0"),
        "source": "src",
        "parents": [],
        "dataset": "gpteacher",
        "version": 12,
        "licence": "mit",
        "fingerprint": batch.column("fingerprint")[0].as_py(),
    }
    assert (second["dataset"], second["version"], second["licence"]) == ("ecqa-clean", 1, None)


def test_failed_writes_close_their_file(tmp_path):
    def broken():
        yield from ()
        raise BadInput("gone")

    with pytest.raises(BadInput, match="gone"):
        write_parquet(Path(tmp_path / "x.parquet"), broken(), exported()[1])
