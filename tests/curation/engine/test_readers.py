"""What holds for files of every format: skipping, sampling, laziness and options."""

import gzip
import os
from itertools import islice

import pytest

from curation.engine.errors import BadConfig, BadInput
from curation.engine.readers import Options, find, read, sample
from tests.curation.engine.making import jsonl


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
