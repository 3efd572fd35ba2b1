"""Finding files, and telling what they are by their content."""

import gzip
import os

import pytest

from curation.engine.errors import BadInput
from curation.engine.readers import Compression, Format, find, looks_like_eval_split
from tests.curation.engine.making import jsonl, rows


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
