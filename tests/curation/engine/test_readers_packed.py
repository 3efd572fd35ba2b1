"""Compressed files: joined, cut off, damaged or made to explode."""

import bz2
import gzip
import lzma
import random

import pytest
import zstandard

from curation.engine.errors import BadInput
from curation.engine.readers import Reject, Row, read
from curation.engine.readers import streams as streams_module
from tests.curation.engine.making import jsonl, rejects, rows

PACK = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}


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
