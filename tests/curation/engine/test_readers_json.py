"""JSON lines and JSON: every broken line or element is one reject."""

import io
import json
import random
import tracemalloc

import ijson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.engine.errors import BadInput
from curation.engine.readers import Row, find, read
from curation.engine.readers.values import Cutter
from tests.curation.engine.making import jsonl, reasons, rejects, rows


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
