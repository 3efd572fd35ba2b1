from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.engine.errors import BadInput
from curation.engine.records import SCHEMA, Content, Message, Record, record_id, to_batch
from curation.engine.store import Store, manifest

NUMBERS = pa.schema([pa.field("number", pa.int64())])


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path / "store"))


def numbers(start, stop):
    return pa.record_batch({"number": list(range(start, stop))}, schema=NUMBERS)


def write(store, path, batches, schema=NUMBERS):
    with store.writer(path, schema) as writer:
        for batch in batches:
            writer.write(batch)
    return writer.close()


def test_a_shard_tells_its_rows_bytes_and_hash(store):
    shard = write(store, "1-1/a/0.parquet", [numbers(0, 25_000)])
    assert shard.rows == 25_000
    assert shard.bytes == store.fs.size(store.full(shard.path))
    assert store.damaged(shard) is None


def test_row_groups_hold_ten_thousand_rows(store):
    shard = write(store, "1-1/a/0.parquet", [numbers(0, 7_000), numbers(7_000, 25_000)])
    groups = pq.ParquetFile(store.full(shard.path)).metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [10_000, 10_000, 5_000]


@settings(max_examples=20, deadline=None)
@given(cuts=st.sets(st.integers(1, 22_000), max_size=8))
def test_bytes_do_not_depend_on_the_batches(tmp_path_factory, cuts):
    store = Store(str(tmp_path_factory.mktemp("store")))
    edges = [0, *sorted(cuts), 22_001]
    pieces = [numbers(a, b) for a, b in pairwise(edges)]
    whole = write(store, "1-1/a/0.parquet", [numbers(0, 22_001)])
    assert write(store, "1-1/b/0.parquet", pieces).sha256 == whole.sha256


def test_long_rows_get_smaller_groups(store):
    texts = pa.schema([pa.field("text", pa.string())])
    batches = [pa.record_batch({"text": ["x" * 1_000_000] * 10}, schema=texts) for _ in range(20)]
    shard = write(store, "1-1/a/0.parquet", batches, texts)
    assert pq.ParquetFile(store.full(shard.path)).metadata.num_row_groups == 3


def test_equal_contents_have_an_equal_hash_wherever_they_lie(store):
    one, other = (write(store, f"{run}-1/a/0.parquet", [numbers(0, 10)]) for run in (1, 2))
    assert manifest(NUMBERS, [one]).content_hash == manifest(NUMBERS, [other]).content_hash
    assert manifest(NUMBERS, [one]).content_hash != manifest(NUMBERS, [one, other]).content_hash


def test_a_manifest_is_read_back_as_it_was_written(store):
    made = store.publish("1-1/a/manifest.json", NUMBERS, [write(store, "1-1/a/0.parquet", [numbers(0, 10)])])
    assert store.manifest("1-1/a/manifest.json") == made and made.rows == 10


def test_batches_come_in_order_and_never_cross_a_row_group(store):
    shards = [write(store, f"1-1/a/{i}.parquet", [numbers(i * 15_000, (i + 1) * 15_000)]) for i in range(2)]
    batches = list(store.batches(shards))
    assert [batch.num_rows for batch in batches] == [10_000, 5_000, 10_000, 5_000]
    assert [n for batch in batches for n in batch.column("number").to_pylist()] == list(range(30_000))


def test_a_changed_or_missing_shard_is_named(store):
    shard = write(store, "1-1/a/0.parquet", [numbers(0, 10)])
    with open(store.full(shard.path), "r+b") as file:
        file.write(b"X")
    assert "another hash" in store.damaged(shard)
    store.remove("1-1")
    assert store.damaged(shard) == "1-1/a/0.parquet is missing"
    with pytest.raises(BadInput, match="missing from the store"):
        list(store.batches([shard]))


def test_a_row_is_found_by_its_id(store):
    records = [
        Record(record_id("s", str(i)), "s", Content((Message("user", str(i)),))) for i in range(12_000)
    ]
    shard = write(store, "1-1/a/0.parquet", [to_batch(records)], SCHEMA)
    found = store.find([shard], records[11_000].id)
    assert found["messages"][0]["content"] == "11000"
    assert store.find([shard], records[3].id, ["source"]) == {"source": "s"}
    assert store.find([shard], "0" * 32) is None
    assert store.find([], records[3].id) is None


def test_the_bloom_filter_on_id_passes_over_row_groups(store):
    records = [
        Record(record_id("s", str(i)), "s", Content((Message("user", str(i)),))) for i in range(30_000)
    ]
    shard = write(store, "1-1/a/0.parquet", [to_batch(records)], SCHEMA)
    with store.query() as connection:
        probe = "SELECT bloom_filter_excludes FROM parquet_bloom_probe(?, 'id', ?) ORDER BY row_group_id"
        excluded = [
            row[0] for row in connection.execute(probe, [store.full(shard.path), records[5].id]).fetchall()
        ]
    assert excluded == [False, True, True]


def test_queries_read_the_store_and_nothing_else(store, tmp_path):
    outside = tmp_path / "outside.csv"
    outside.write_text("a\n1\n")
    store.put("1-1/inside.csv", "a\n1\n")
    with store.query() as connection:
        assert connection.execute("SELECT * FROM read_csv(?)", [store.full("1-1/inside.csv")]).fetchall() == [
            (1,)
        ]
        with pytest.raises(Exception, match="Permission"):
            connection.execute("SELECT * FROM read_csv(?)", [str(outside)])
        with pytest.raises(Exception, match="locked"):
            connection.execute("SET enable_external_access = true")


def test_a_writer_that_fails_leaves_nothing_open(store):
    with pytest.raises(ZeroDivisionError), store.writer("1-1/a/0.parquet", NUMBERS) as writer:
        writer.write(numbers(0, 10))
        _ = 1 / 0


def test_a_copy_has_the_bytes_and_outlives_the_original(store):
    store.put("1-1/tmp/a", "text")
    store.copy("1-1/tmp/a", "1-1/export/a")
    store.remove("1-1/tmp")
    assert store.get("1-1/export/a") == "text"


def test_a_store_in_memory_works_like_a_folder():
    store = Store("memory://winnow-test")
    shard = write(store, "1-1/a/0.parquet", [numbers(0, 10)])
    assert store.damaged(shard) is None and not store.local
    assert sum(batch.num_rows for batch in store.batches([shard])) == 10
    store.put("1-1/tmp/b", "text")
    store.copy("1-1/tmp/b", "1-1/b")
    assert store.get("1-1/b") == "text" and store.folders() == ["1-1"]
    store.remove("1-1")
    assert store.folders() == []
