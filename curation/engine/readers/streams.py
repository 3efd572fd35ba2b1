"""
Bytes of a file as UTF-8 text blocks: unpacked and decoded as a stream, in bounded memory.

Whatever comes before damage is delivered; then `Damaged` says what happened.
"""

import bz2
import codecs
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import zstandard

from curation.engine.errors import BadInput
from curation.engine.readers.items import Compression, Options, SourceFile, too_much

BLOCK = 1 << 20
FEED = 8 << 10  # packed bytes given to a decompressor at once: zstd expands up to 32,768 times
HEAD = 4096
MAGIC = {
    Compression.GZ: b"\x1f\x8b",
    Compression.ZST: b"\x28\xb5\x2f\xfd",
    Compression.BZ2: b"BZh",
    Compression.XZ: b"\xfd7zXZ\x00",
}
ZSTD_SKIPPABLE = tuple(bytes((n, 0x2A, 0x4D, 0x18)) for n in range(0x50, 0x60))
UNPACKERS: dict[Compression, Callable[[], Any]] = {
    Compression.GZ: lambda: zlib.decompressobj(31),
    Compression.ZST: lambda: zstandard.ZstdDecompressor().decompressobj(),
    Compression.BZ2: bz2.BZ2Decompressor,
    Compression.XZ: lzma.LZMADecompressor,
}
WIDE = (  # UTF-32 before UTF-16: their little-endian marks begin alike
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\b\x1b"))


class Damaged(Exception):
    """The stream cannot be followed further. `tail` is the unfinished row, when the reader knows it."""

    def __init__(self, reason: str, tail: bytes = b"") -> None:
        super().__init__(reason)
        self.reason = reason
        self.tail = tail


def compression_of(head: bytes) -> Compression:
    """How a file beginning with `head` is packed (RFC 1952, RFC 8878, the bzip2 and xz formats)."""
    if head.startswith(ZSTD_SKIPPABLE):
        return Compression.ZST
    return next((kind for kind, magic in MAGIC.items() if head.startswith(magic)), Compression.NONE)


def unpacked(file: SourceFile, options: Options) -> Iterator[bytes]:
    """The file's bytes without its compression, in blocks of about 1 MiB. Raises Damaged, BadInput."""
    raw = _raw(file, BLOCK if file.compression is Compression.NONE else FEED)
    if file.compression is not Compression.NONE:
        raw = _gathered(_capped(_inflated(raw, file.compression), options))
    return raw


def blocks(file: SourceFile, options: Options) -> Iterator[bytes]:
    """The file as UTF-8 without a byte order mark, in blocks of about 1 MiB. Raises Damaged, BadInput."""
    pieces = unpacked(file, options)
    first = next(pieces, b"")
    for mark, encoding in WIDE:
        if first.startswith(mark):
            yield from _recoded(first[len(mark) :], pieces, encoding)
            return
    _refuse_binary(file.name, first[:HEAD])
    yield first.removeprefix(codecs.BOM_UTF8)
    yield from pieces


def _raw(file: SourceFile, size: int) -> Iterator[bytes]:
    try:
        with open(file.path, "rb") as stream:
            while block := stream.read(size):
                yield block
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise BadInput(f"{file.name} cannot be opened: {error.strerror}") from error


def _inflated(packed: Iterable[bytes], kind: Compression) -> Iterator[bytes]:
    engine = UNPACKERS[kind]()
    for block in packed:
        while block:
            if engine.eof:  # another member follows, as in files joined by `cat`
                engine = UNPACKERS[kind]()
            try:
                yield engine.decompress(block)
            except (zlib.error, zstandard.ZstdError, lzma.LZMAError, OSError, EOFError) as error:
                raise Damaged(f"the {kind} stream is damaged here ({error})") from error
            block = engine.unused_data.lstrip(b"\0") if engine.eof else b""
    if not engine.eof:
        raise Damaged(f"the {kind} stream ends too early: the file was cut off")


def _capped(pieces: Iterable[bytes], options: Options) -> Iterator[bytes]:
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > options.max_bytes:
            yield piece[: options.max_bytes - total]
            raise Damaged(too_much(options))
        yield piece


def _gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    damage: Damaged | None = None
    try:
        for piece in pieces:
            held.append(piece)
            size += len(piece)
            if size >= BLOCK:
                yield b"".join(held)
                held, size = [], 0
    except Damaged as error:
        damage = error
    if size:
        yield b"".join(held)
    if damage:
        raise damage


def _recoded(first: bytes, rest: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    yield decoder.decode(first).encode("utf-8", "surrogatepass")
    for block in rest:
        yield decoder.decode(block).encode("utf-8", "surrogatepass")
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise Damaged(f"the {encoding.upper()} text ends in the middle of a character") from error


def _refuse_binary(name: str, head: bytes) -> None:
    controls = len(head) - len(head.translate(None, CONTROLS))
    if controls >= 4 and controls * 50 > len(head):
        hint = " (UTF-16 without a byte order mark?)" if head.count(0) * 3 > len(head) else ""
        raise BadInput(f"{name} is not text{hint}, so its rows cannot be read")
