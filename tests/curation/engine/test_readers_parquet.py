"""Parquet: nested columns, skipping, and what damage costs."""

import gzip
import io
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.engine.errors import BadInput
from curation.engine.readers import Compression, Reject, Row, read
from tests.curation.engine.making import reasons, rows


class TestParquet:
    @pytest.fixture
    def table(self):
        return pa.table(
            {
                "id": list(range(5000)),
                "messages": [[{"role": "user", "content": f"q{n}"}] for n in range(5000)],
                "scores": pa.array([[("a", 1.0)]] * 5000, pa.map_(pa.string(), pa.float64())),
            }
        )

    def write(self, put, table, name="x.parquet", pack=bytes, **kwargs):
        out = io.BytesIO()
        pq.write_table(table, out, **kwargs)
        return put(name, pack(out.getvalue()))

    def test_nested_columns_and_maps_come_as_objects(self, put, table):
        file = self.write(put, table, row_group_size=1000)
        items = list(read(file))
        assert len(items) == 5000 and items[-1].line == 5000
        assert items[7].data == {
            "id": 7,
            "messages": [{"role": "user", "content": "q7"}],
            "scores": {"a": 1.0},
        }

    def test_a_packed_parquet_file_is_unpacked_first(self, put, table):
        file = self.write(put, table, "x.parquet.gz", gzip.compress)
        assert file.compression is Compression.GZ and len(rows(file)) == 5000

    @pytest.mark.parametrize("skip", [0, 1, 999, 1000, 1500, 4999, 5000, 6000])
    def test_skipping_goes_on_with_the_next_row(self, put, table, skip):
        items = list(read(self.write(put, table, row_group_size=1000), skip=skip))
        assert len(items) == max(5000 - skip, 0)
        assert not items or items[0].data["id"] == skip == items[0].line - 1

    def test_what_is_no_parquet_file_is_refused(self, put, table):
        for content in (b"", b"PAR1 nonsense", b"x" * 1000):
            with pytest.raises(BadInput, match=r"x.parquet is not a whole Parquet file"):
                list(read(put("x.parquet", content)))
        with pytest.raises(BadInput, match="ends too early"):
            list(read(self.write(put, table, "y.parquet.gz", lambda raw: gzip.compress(raw)[:-100])))

    def test_a_damaged_row_group_costs_its_own_rows_only(self, put):
        words = random.Random(4)
        table = pa.table({"text": [f"{words.random()}" for _ in range(3000)]})
        out = io.BytesIO()
        pq.write_table(table, out, row_group_size=1000, compression="zstd", use_dictionary=False)
        raw = bytearray(out.getvalue())
        start = pq.ParquetFile(io.BytesIO(raw)).metadata.row_group(1).column(0).data_page_offset
        raw[start + 200 : start + 300] = bytes(100)
        file = put("x.parquet", bytes(raw))
        items = list(read(file))
        assert [type(item) for item in items] == [Row] * 1000 + [Reject] * 1000 + [Row] * 1000
        assert items[1000].reason.startswith("row group 2 is damaged")
        assert [item.line for item in items] == list(range(1, 3001))
        assert list(read(file, skip=1500)) == items[1500:]

    def test_a_string_that_is_not_utf8_costs_its_row_only(self, put):
        binary = pa.array([b"good", b"caf\xe9", b"fine"], pa.binary())
        table = pa.table({"text": pa.Array.from_buffers(pa.string(), 3, binary.buffers())})
        file = self.write(put, table)
        assert [row["text"] for row in rows(file)] == ["good", "fine"]
        assert reasons(file) == [(2, "not valid UTF-8")]

    def test_equal_cells_that_expand_beyond_the_cap_are_stopped(self, put):
        column = pa.DictionaryArray.from_arrays(pa.array([0] * 5000, pa.int32()), ["x" * 10_000])
        file = self.write(put, pa.table({"text": column.cast(pa.string())}), row_group_size=2000)
        assert file.size < 100_000
        assert len(rows(file, max_bytes=30 << 20)) < 5000
        assert reasons(file, max_bytes=30 << 20)[-1][1].startswith("the file expands to more than 31,457,280")
        assert len(rows(file, max_bytes=60 << 20)) == 5000
