"""Finding and reading files: every format, every packing, and what happens to the rows that are broken."""

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import random
import tracemalloc
from itertools import islice

import ijson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from huggingface_hub import HfApi
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.engine.errors import BadConfig, BadInput
from curation.engine.readers import (
    Compression,
    Format,
    Options,
    Reject,
    Row,
    find,
    looks_like_eval_split,
    read,
    sample,
    settled,
)
from curation.engine.readers import streams as streams_module
from curation.engine.readers.hub import fetch, resolve
from curation.engine.readers.values import Cutter
from tests.curation.engine.fake_hub import NEW, OLD, FakeHub

PACK = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}


@pytest.fixture
def put(tmp_path):
    """Write bytes or text under a name and return the SourceFile."""

    def write(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return find(str(path)).files[0]

    return write


def rows(file, **options):
    return [item.data for item in read(file, options=Options(**options)) if isinstance(item, Row)]


def rejects(file, **options):
    return [item for item in read(file, options=Options(**options)) if isinstance(item, Reject)]


def reasons(file, **options):
    return [(item.line, item.reason) for item in rejects(file, **options)]


def jsonl(count):
    return "".join(f'{{"n": {n}}}\n' for n in range(1, count + 1))


class TestFind:
    def test_a_folder_lists_its_files_in_order_and_names_what_it_cannot_read(self, tmp_path, put):
        for name in ("b/x.jsonl", "a/x.jsonl.gz", "README.md", ".cache/y.jsonl", "a/dataset_info.json"):
            put(name if name.endswith(("jsonl", "gz")) else name + ".jsonl", "{}\n")
            if not name.endswith(("jsonl", "gz")):
                os.rename(tmp_path / f"{name}.jsonl", tmp_path / name)
        found = find(str(tmp_path))
        assert [f.name for f in found.files] == ["a/x.jsonl.gz", "b/x.jsonl"]
        assert found.ignored == ("README.md", "a/dataset_info.json")

    def test_a_glob_names_files_from_its_first_wildcard_on(self, tmp_path, put):
        for name in ("one/train/x.jsonl", "two/train/x.jsonl", "two/test/x.jsonl"):
            put(name, "{}\n")
        found = find(f"{tmp_path}/**/train/*.jsonl")
        assert [f.name for f in found.files] == ["one/train/x.jsonl", "two/train/x.jsonl"]

    def test_a_file_whose_name_holds_glob_characters_is_a_file(self, put):
        assert put("part[1].jsonl", "{}\n").name == "part[1].jsonl"

    def test_compression_is_told_by_content_not_by_name(self, put):
        assert put("a.jsonl.gz", jsonl(2)).compression is Compression.NONE
        assert put("b.jsonl", gzip.compress(jsonl(2).encode())).compression is Compression.GZ
        assert rows(put("a.jsonl.gz", jsonl(2))) == rows(put("b.jsonl", gzip.compress(jsonl(2).encode())))

    @pytest.mark.parametrize(
        ("name", "content", "format"),
        [
            ("lines.json", '{"a": 1}\n{"a": 2}\n', Format.JSONL),
            ("one.json", '{"a": 1}', Format.JSON),
            ("pretty.json", '{\n "a": 1\n}\n{\n "a": 2\n}', Format.JSON),
            ("array.json", '[{"a": 1}, {"a": 2}]', Format.JSON),
            ("array.jsonl", '[\n{"a": 1},\n{"a": 2}\n]', Format.JSON),
            ("pretty.jsonl", '{\n "a": 1\n}\n', Format.JSON),
            ("bad.jsonl", '{"a": 1\n{"a": 2}\n', Format.JSONL),
            ("lists.jsonl", '[1]\n{"a": 2}\n', Format.JSONL),
            ("upload", '\ufeff  {"a": 1}', Format.JSON),
        ],
    )
    def test_json_is_read_as_it_is_written(self, put, name, content, format):  # noqa: A002
        assert put(name, content).format is format

    @pytest.mark.parametrize(
        ("names", "location", "sentence"),
        [
            ([], "nowhere", "no file or folder at .*nowhere"),
            ([], "no*.jsonl", "no file at"),
            (["a.docx", "b.pdf"], "", r"Nothing at .* can be read: a.docx, b.pdf. Readable are JSONL, JSON"),
            (["a.docx"], "a.docx", "a.docx is of a kind that cannot be read"),
        ],
    )
    def test_it_says_what_it_found_instead_of_rows(self, tmp_path, names, location, sentence):
        for name in names:
            (tmp_path / name).write_bytes(b"PK\x03\x04")
        with pytest.raises(BadInput, match=sentence):
            find(str(tmp_path / location))

    @pytest.mark.parametrize(
        ("name", "word"),
        [
            ("test.jsonl", "test"),
            ("main/test-00000-of-00001.parquet", "test"),
            ("gsm8k_TEST.csv", "test"),
            ("validation/part2.jsonl", "validation"),
            ("dev2.tsv", "dev"),
            ("held_out.jsonl", "held_out"),
            ("heldout.jsonl", "heldout"),
            ("pandalm-testset-v1.json", "testset"),
            ("eval_set.json", "eval"),
            ("latest.jsonl", None),
            ("contest/developers.jsonl", None),
            ("train.jsonl", None),
            ("evaluating.jsonl", None),
        ],
    )
    def test_words_of_held_out_data_are_noticed(self, name, word):
        assert looks_like_eval_split(name) == word

    def test_folders_above_the_location_take_no_part(self, tmp_path, put):
        put("test/train/x.jsonl", "{}\n")
        assert looks_like_eval_split(find(str(tmp_path / "test")).files[0].name) is None


class TestJsonLines:
    def test_each_bad_line_is_one_reject_with_its_line_and_reason(self, put):
        bad = [
            b'{"ok": 1}',
            b"",
            b"[1, 2]",
            b'{"a": }',
            b'{"a": NaN}',
            b'{"a": -Infinity}',
            b'{"a": "\\ud800"}',
            b'{"a": "caf\xe9"}',
            b'{"a": 1',
            b'"text"',
            b'{"ok": 2}\r',
        ]
        file = put("x.jsonl", b"\n".join(bad))
        assert rows(file) == [{"ok": 1}, {"ok": 2}]
        assert reasons(file) == [
            (3, "not an object: a row needs named fields"),
            (4, "not valid JSON: unexpected character, expected a JSON value at character 7"),
            (5, "not valid JSON: NaN at character 7 is no JSON value"),
            (6, "not valid JSON: Infinity at character 8 is no JSON value"),
            (7, "not valid Unicode: half of a surrogate pair at character 8"),
            (8, "not valid UTF-8 at byte 11"),
            (9, "not valid JSON: unexpected end of data at character 8"),
            (10, "not an object: a row needs named fields"),
        ]
        assert rejects(file)[5].excerpt == '{"a": "caf\ufffd"}'
        assert [item.line for item in read(file) if isinstance(item, Row)] == [1, 11]

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
    def test_byte_order_marks_are_understood(self, put, encoding):
        mark = "\ufeff" if encoding.endswith("e") and encoding != "utf-8" else ""
        file = put("x.jsonl", (mark + '{"a": "größe"}\n{"a": "中"}\n').encode(encoding))
        assert rows(file) == [{"a": "größe"}, {"a": "中"}]

    def test_the_mark_of_an_appended_file_does_no_harm(self, put):
        assert len(rows(put("x.jsonl", b'{"a": 1}\n\xef\xbb\xbf{"a": 2}\n'))) == 2

    def test_half_a_character_at_the_end_of_utf16_is_said(self, put):
        file = put("x.jsonl", '\ufeff{"a": 1}\n'.encode("utf-16-le") + b"{")
        assert rows(file) == [{"a": 1}]
        assert reasons(file) == [(2, "the UTF-16-LE text ends in the middle of a character")]

    def test_an_empty_file_has_no_rows(self, put):
        for name in ("x.jsonl", "x.json", "x.csv", "x.tsv"):
            assert list(read(put(name, ""))) == []

    def test_binary_nonsense_is_refused_as_a_whole(self, put):
        noise = random.Random(1).randbytes(5000)
        with pytest.raises(BadInput, match=r"x.jsonl is not text"):
            list(read(put("x.jsonl", noise)))
        with pytest.raises(BadInput, match="UTF-16 without a byte order mark"):
            list(read(put("y.csv", "question,answer\n".encode("utf-16-le"))))

    def test_one_stray_control_character_is_only_one_reject(self, put):
        assert len(rows(put("x.jsonl", '{"a": "\x00"}\n' + jsonl(3)))) == 3

    def test_a_line_beyond_the_cap_is_passed_over(self, put):
        long = '{"a": "' + "x" * 5000 + '"}\n'
        file = put("x.jsonl", '{"n": 1}\n' + long + '{"n": 3}\n')
        assert rows(file, max_line_bytes=4000) == [{"n": 1}, {"n": 3}]
        (reject,) = rejects(file, max_line_bytes=4000)
        assert reject.line == 2 and reject.reason.startswith("longer than 4,000 bytes")
        assert reject.excerpt == '{"a": "' + "x" * 193

    def test_a_line_of_a_hundred_megabytes_is_read_and_one_beyond_the_cap_is_not_held(self, tmp_path):
        path = tmp_path / "big.jsonl"
        with path.open("wb") as stream:
            stream.write(b'{"a": "')
            for _ in range(100):
                stream.write(b"x" * (1 << 20))
            stream.write(b'"}\n{"a": "b"}\n')
        file = find(str(path)).files[0]
        assert [len(row["a"]) for row in rows(file)] == [100 << 20, 1]
        tracemalloc.start()
        assert [row["a"] for row in rows(file, max_line_bytes=4 << 20)] == ["b"]
        assert tracemalloc.get_traced_memory()[1] < 24 << 20
        tracemalloc.stop()


class TestPacked:
    @pytest.mark.parametrize("suffix", PACK)
    def test_every_packing_gives_the_same_rows(self, put, suffix):
        assert rows(put(f"x.jsonl{suffix}", PACK[suffix](jsonl(500).encode()))) == rows(
            put("x.jsonl", jsonl(500))
        )

    @pytest.mark.parametrize("suffix", PACK)
    def test_joined_members_and_padding_are_one_stream(self, put, suffix):
        packed = PACK[suffix](jsonl(3).encode()) + PACK[suffix](b'{"n": 4}\n') + b"\0" * 512
        assert [row["n"] for row in rows(put(f"x.jsonl{suffix}", packed))] == [1, 2, 3, 4]

    @pytest.mark.parametrize("suffix", PACK)
    def test_a_truncated_stream_keeps_what_came_before_and_says_so(self, put, suffix):
        words = random.Random(2)
        text = "".join(f'{{"n": {n}, "r": {words.random()}}}\n' for n in range(50_000)).encode()
        file = put(f"x.jsonl{suffix}", PACK[suffix](text)[:-2000])
        *kept, last = read(file)
        assert len(kept) > 10_000 and all(isinstance(item, Row) for item in kept)
        assert isinstance(last, Reject) and last.line == len(kept) + 1
        assert last.reason == f"the {file.compression} stream ends too early: the file was cut off"

    @pytest.mark.parametrize("suffix", PACK)
    def test_a_corrupt_stream_keeps_what_came_before_and_says_so(self, put, suffix):
        words = random.Random(3)
        text = "".join(f'{{"n": {n}, "r": {words.random()}}}\n' for n in range(100_000)).encode()
        packed = bytearray(PACK[suffix](text))
        packed[-5000:-4900] = bytes(100)
        file = put(f"x.jsonl{suffix}", bytes(packed))
        items = list(read(file))
        assert sum(isinstance(item, Row) for item in items) > 10_000
        assert isinstance(items[-1], Reject)
        assert "stream is damaged here" in items[-1].reason

    def test_a_zstd_file_may_begin_with_a_skippable_frame(self, put):
        skippable = b"\x50\x2a\x4d\x18\x04\x00\x00\x00note"
        packed = skippable + PACK[".zst"](jsonl(2).encode())
        assert len(rows(put("x.jsonl.zst", packed))) == 2

    def test_what_expands_beyond_the_cap_is_stopped(self, put):
        file = put("x.jsonl.gz", gzip.compress(jsonl(3).encode() + b" " * (8 << 20)))
        assert rows(file, max_bytes=1 << 20) == [{"n": 1}, {"n": 2}, {"n": 3}]
        assert "expands to more than 1,048,576 bytes" in rejects(file, max_bytes=1 << 20)[0].reason

    def test_a_bomb_is_unpacked_in_small_portions(self, put):
        bomb = zstandard.ZstdCompressor().compress(b"\0" * (64 << 20))
        assert len(bomb) < 8192 == streams_module.FEED
        with pytest.raises(BadInput, match="not text"):
            list(read(put("x.jsonl.zst", bomb)))


class TestJson:
    def test_a_bad_element_costs_itself_only(self, put):
        file = put("x.json", '[{"n": 1}, {"n": NaN}, 3, {"n": 4}}, {"n": 5}, {"n" 6}, "a, b", {"n": 7}]')
        assert [row["n"] for row in rows(file)] == [1, 5, 7]
        assert [line for line, _ in reasons(file)] == [2, 3, 4, 6, 7]

    def test_objects_one_after_the_other_need_no_commas(self, put):
        assert rows(put("x.json", '{\n"n": 1}{"n": 2}\n{\n"n": [3]\n},\n{"n": {}}')) == [
            {"n": 1},
            {"n": 2},
            {"n": [3]},
            {"n": {}},
        ]

    def test_brackets_and_quotes_inside_strings_mean_nothing(self, put):
        told = [{"a": 'x"]}', "b": "[{,\\"}, {"a": "\\\\", "b": '\\"'}]
        assert rows(put("x.json", json.dumps(told))) == told

    def test_a_file_that_was_cut_off_keeps_its_whole_elements(self, put):
        file = put("x.json", '[{"n": 1}, {"n": 2}, {"n": ')
        assert [row["n"] for row in rows(file)] == [1, 2]
        assert reasons(file) == [(3, "the JSON ends too early: the file was cut off")]
        assert rejects(file)[0].excerpt == '{"n":'
        assert [row["n"] for row in rows(put("y.json", '[{"n": 1}, {"n": 2}'))] == [1, 2]

    def test_text_around_the_values_is_one_reject(self, put):
        assert reasons(put("x.json", "null")) == [(1, "not an object: a row needs named fields")]
        file = put("y.json", '[{"n": 1}] the end')
        assert rows(file) == [{"n": 1}]
        assert [line for line, _ in reasons(file)] == [2]

    def test_a_bracket_that_is_never_closed_ends_at_the_cap(self, put):
        file = put("x.json", '[{"n": 1}, {"n": [2, ' + '{"n": 3}, ' * 1000)
        assert [row["n"] for row in rows(file, max_line_bytes=4000)] == [1]
        assert "a bracket or quote never closed" in reasons(file, max_line_bytes=4000)[0][1]

    @given(st.data())
    @settings(max_examples=200, deadline=None)
    def test_cutting_agrees_with_an_event_parser_wherever_the_blocks_end(self, data):
        leaf = st.none() | st.booleans() | st.integers(-9, 9) | st.text('ab"\\[]{},: \n中', max_size=6)
        tree = st.recursive(
            leaf, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text("k\\", max_size=2), x)
        )
        elements = data.draw(st.lists(tree, max_size=5))
        indent = data.draw(st.sampled_from([None, 1]))
        raw = json.dumps(elements, indent=indent, ensure_ascii=data.draw(st.booleans())).encode()
        size = data.draw(st.integers(1, 9))
        pieces = [raw[i : i + size] for i in range(0, len(raw), size)]
        cut = [json.loads(value) for value in Cutter(1 << 20).values(pieces)]
        assert cut == list(ijson.items(io.BytesIO(raw), "item"))

    def test_an_array_of_fifty_megabytes_takes_little_memory(self, tmp_path):
        path = tmp_path / "big.json"
        element = json.dumps({"text": "x" * 1000})
        path.write_text("[" + ",".join([element] * 50_000) + "]")
        file = find(str(path)).files[0]
        tracemalloc.start()
        assert sum(1 for _ in read(file)) == 50_000
        assert tracemalloc.get_traced_memory()[1] < 12 << 20
        tracemalloc.stop()


class TestDelimited:
    def test_quoted_newlines_commas_and_doubled_quotes(self, put):
        file = put("x.csv", 'question,answer\n"a,\nb","say ""hi"""\r\nplain,x\n')
        assert rows(file) == [
            {"question": "a,\nb", "answer": 'say "hi"'},
            {"question": "plain", "answer": "x"},
        ]

    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    def test_delimiters_are_told_from_the_rows(self, put, delimiter):
        file = put(
            "x.csv", f"question{delimiter}answer\nHow much, please?{delimiter}1\nAnd then?{delimiter}2\n"
        )
        if delimiter == ",":
            file = put("x.csv", 'question,answer\n"How much, please?",1\nAnd then?,2\n')
        assert rows(file)[0] == {"question": "How much, please?", "answer": "1"}

    def test_one_column_is_no_reason_to_look_for_delimiters(self, put):
        assert rows(put("x.csv", "prompt\nWhy?\nHow; and when?\n")) == [
            {"prompt": "Why?"},
            {"prompt": "How; and when?"},
        ]

    def test_a_mark_at_the_beginning_is_not_part_of_the_first_name(self, put):
        assert rows(put("x.csv", "\ufeffquestion,answer\na,b\n")) == [{"question": "a", "answer": "b"}]

    def test_blank_and_double_names_become_distinct(self, put):
        file = put("x.csv", ",text,text\n0,a,b\n")
        assert rows(file) == [{"column_1": "0", "text": "a", "text_3": "b"}]

    @pytest.mark.parametrize(
        ("content", "names"),
        [
            ("question,answer\nsky,blue\n", ["question", "answer"]),
            ("user 1 personas,Best Generated Conversation\nI am.,Hi!\n", None),
            ("Mass-society theory suggests that:,media,A\nThe other question is:,class,B\n", ["column_1"]),
            ("What is 2+2?,4\nWhat is 2+3?,5\n", ["column_1"]),
            ("Find x.,0,1,B\nFind y.,1,2,C\n", ["column_1"]),
        ],
    )
    def test_a_header_is_told_from_text(self, put, content, names):
        expected = names or ["user 1 personas", "Best Generated Conversation"]
        assert list(rows(put("x.csv", content))[0])[: len(expected)] == expected

    def test_options_overrule_what_is_seen(self, put):
        file = put("x.csv", "sky,blue\ngrass,green\n")
        assert rows(file, header=True) == [{"sky": "grass", "blue": "green"}]
        assert len(rows(file, header=False)) == 2
        assert settled(file, Options()) == Options(header=False, delimiter=",", quoted=True)

    def test_rows_of_another_width_are_rejected(self, put):
        file = put("x.csv", "question,answer\na,b\na,b,c\n\na\nd,e\n")
        assert len(rows(file)) == 2
        assert reasons(file) == [
            (2, "3 cells where the file has 2 columns"),
            (3, "1 cells where the file has 2 columns"),
        ]

    def test_a_line_in_another_encoding_costs_itself_only(self, put):
        file = put("x.csv", "question,answer\ncaf\xe9,a\nb,c\n".encode("latin-1"))
        assert rows(file) == [{"question": "b", "answer": "c"}]
        assert reasons(file) == [(1, "not valid UTF-8")]
        assert rejects(file)[0].excerpt == "caf\ufffd,a"

    def test_a_quote_that_is_never_closed_does_not_swallow_the_rest_in_silence(self, put):
        file = put("x.csv", 'question,answer\na,b\n"c,d\ne,f\n')
        assert rows(file) == [{"question": "a", "answer": "b"}]
        assert reasons(file) == [(2, "not valid CSV: unexpected end of data")]

    def test_quotes_in_another_convention_are_rejected_rather_than_mangled(self, put):
        file = put("x.csv", 'question,answer\n"say \\"hi\\"",b\n"x" y,b\n5" pipe,b\n')
        assert rows(file) == [{"question": '5" pipe', "answer": "b"}]
        assert [line for line, _ in reasons(file)] == [1, 2]

    def test_a_record_beyond_the_cap_is_passed_over(self, put):
        file = put("x.csv", "question,answer\na," + "x" * 5000 + "\nb,c\n")
        assert rows(file, max_line_bytes=4000) == [{"question": "b", "answer": "c"}]
        assert reasons(file, max_line_bytes=4000)[0][1].startswith("longer than 4,000 bytes")

    def test_a_cell_of_a_megabyte_is_read(self, put):
        assert (
            len(rows(put("x.csv", "question,answer\n" + "x" * (1 << 20) + ",a\n"))[0]["question"]) == 1 << 20
        )

    def test_bare_quotes_in_tab_separated_text_are_text(self, put):
        file = put("x.tsv", '"Bob" said?\tyes\n"\\n"How" many?\tno\nWhy?\t"no"\n')
        assert [list(row.values()) for row in rows(file)] == [
            ['"Bob" said?', "yes"],
            ['"\\n"How" many?', "no"],
            ["Why?", '"no"'],
        ]

    def test_quoted_cells_in_tab_separated_text_are_unquoted(self, put):
        out = io.StringIO()
        told = [["question", "answer"], ['He said "hi"', "line\none"], ["plain", "x\ty"], ["a", "b"]]
        csv.writer(out, delimiter="\t").writerows(told)
        assert [list(row.values()) for row in rows(put("x.tsv", out.getvalue()))] == told[1:]

    def test_a_damaged_stream_is_said_at_its_end(self, put):
        text = "question,answer\n" + "".join(f"q{n},{random.Random(n).random()}\n" for n in range(20_000))
        *kept, last = read(put("x.csv.gz", gzip.compress(text.encode())[:-100]))
        assert len(kept) > 10_000 and last.reason.startswith("the gz stream ends too early")


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


@pytest.mark.parametrize("name", ["x.jsonl", "x.json", "x.csv", "x.tsv", "x.jsonl.gz"])
def test_skipping_is_the_same_as_reading_and_throwing_away(put, name):
    lines = ['{"text": "a"}', "", '{"text": ', '{"text": "b"}', "[1]", '{"text": "c"}'] * 3
    content = "\n".join(lines)
    if name == "x.json":
        content = "[" + ",".join(line or "null" for line in lines if line != '{"text": ') + "]"
    if name.endswith("sv"):
        content = "text\tn\n" + "\n".join(f"{i}\t1" if i % 3 else f"{i}" for i in range(12))
    file = put(name, gzip.compress(content.encode())[:-4] if name.endswith("gz") else content)
    items = list(read(file))
    assert len(items) > 10
    for skip in range(len(items) + 2):
        assert list(read(file, skip=skip)) == items[skip:]


def test_a_sample_takes_equal_shares_of_all_files(tmp_path, put):
    for name in ("a.jsonl", "b.jsonl", "c.jsonl"):
        put(name, jsonl(100))
    found = sample(find(str(tmp_path)).files, rows=12)
    assert [(item.file, item.line) for item in found] == [
        (f"{n}.jsonl", i) for n in "abc" for i in (1, 2, 3, 4)
    ]


def test_reading_is_lazy(put):
    assert [item.line for item in islice(read(put("x.jsonl", jsonl(100_000))), 2)] == [1, 2]


def test_a_file_that_went_away_is_refused(put, tmp_path):
    file = put("x.jsonl", jsonl(1))
    os.unlink(tmp_path / "x.jsonl")
    with pytest.raises(BadInput, match=r"x.jsonl cannot be opened"):
        list(read(file))


@pytest.mark.parametrize(
    ("given_options", "sentence"),
    [
        ({"delimiter": ",,"}, "one character"),
        ({"delimiter": "\n"}, "one character"),
        ({"max_line_bytes": 0}, "at least 1"),
        ({"max_bytes": 0}, "at least 1"),
    ],
)
def test_options_explain_themselves(given_options, sentence):
    with pytest.raises(BadConfig, match=sentence):
        Options(**given_options)


class TestHub:
    @pytest.fixture
    def hub(self):
        with FakeHub() as hub:
            yield hub

    @pytest.fixture
    def api(self, hub):
        return HfApi(endpoint=hub.endpoint, token=False)

    def test_a_branch_is_pinned_to_its_commit_and_only_data_files_are_listed(self, api):
        source = resolve("team/colours", None, api)
        assert (source.commit, source.licence) == (NEW, "cc-by-4.0")
        assert [(file.name, file.size) for file in source.files] == [
            ("data/test.csv", 44),
            ("data/train.jsonl", 59),
        ]
        assert source.ignored == ("README.md", "colours.py", "dataset_infos.json")

    def test_fetching_takes_the_pinned_commit_and_never_a_script(self, hub, api, tmp_path):
        files = fetch(resolve("team/colours", OLD, api), api, cache=tmp_path)
        assert [file.name for file in files] == ["data/test.csv", "data/train.jsonl"]
        assert rows(files[1]) == [{"question": "What colour is the sky?", "answer": "blue"}]
        assert not any(path.endswith(".py") for path in hub.asked)
        assert all(OLD in path for path in hub.asked)
        assert looks_like_eval_split(files[0].name) == "test"

    def test_a_part_can_be_fetched_and_progress_is_told(self, api, tmp_path):
        told = []
        fetch(
            resolve("team/colours", None, api),
            api,
            names=["data/train.jsonl"],
            cache=tmp_path,
            progress=lambda *at: told.append(at),
        )
        assert told == [(0, 1), (1, 1)]

    @pytest.mark.parametrize(
        ("repo", "revision", "sentence"),
        [
            ("team/nothing", None, "There is no dataset team/nothing on the Hub"),
            ("team/locked", None, "team/locked is gated: accept its terms"),
            ("team/colours", "v9", "team/colours has no revision v9"),
            ("no/such/name", None, "no name of a repository"),
        ],
    )
    def test_what_is_wrong_is_said_in_a_sentence(self, api, repo, revision, sentence):
        with pytest.raises(BadInput, match=sentence):
            resolve(repo, revision, api)

    def test_a_hub_out_of_reach_is_said(self, hub, api, tmp_path, monkeypatch):
        source = resolve("team/colours", None, api)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        with pytest.raises(BadInput, match="has not been downloaded before"):
            fetch(source, api, cache=tmp_path)
        monkeypatch.undo()
        hub.__exit__()
        with pytest.raises(BadInput, match="cannot be reached for team/colours"):
            resolve("team/colours", None, api)
        hub.__enter__()
