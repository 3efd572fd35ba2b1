"""
From the files of a source to canonical records: which part reads what, and what becomes of each item.

The record id is the hash of the source's name and the row's own id, or its place (file#line) where it has none;
its place is kept in `meta["origin"]`, so that a row can be found again in the file it came from.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from curation.engine.errors import BadConfig, BadInput
from curation.engine.mapping import Imported, Mapping, contents
from curation.engine.mixing.sampling import id_halves
from curation.engine.readers import Compression, Format, Options, Reject, Row, SourceFile, sample
from curation.engine.readers.items import too_much
from curation.engine.readers.places import Place
from curation.engine.records import Record, record_id

REJECTS = pa.schema(
    [
        pa.field("file", pa.string()),
        pa.field("line", pa.int64()),
        pa.field("reason", pa.string()),
        pa.field("excerpt", pa.string()),
    ]
)
PART_BYTES = 256 << 20
MAX_REJECTED = 0.5
BATCH_ROWS = 1_000
BATCH_BYTES = 8 << 20
SHARD_BYTES = 1 << 30
PACKED_RATIO = 4


@dataclass(frozen=True, slots=True)
class ImportConfig:
    """
    What is imported as what. `outside`: the location came from a page or the API. `seen` is the digest of the files
    that were looked at before; `max_rejected` is the share of rows above which an import is no import.
    """

    location: str
    kind: str = "files"
    outside: bool = False
    revision: str = ""
    seen: str = ""
    benchmark: bool = False
    mapping: dict[str, Any] | None = None
    confirmed: bool = False
    max_rejected: float = MAX_REJECTED

    def __post_init__(self) -> None:
        if not self.location.strip():
            raise BadConfig("Say where the rows are: a file, a folder, a glob or a Hub id")
        if not 0 <= self.max_rejected <= 1:
            raise BadConfig("max_rejected is a share of rows: 0 to 1")
        if self.mapping is not None:
            Mapping.from_dict(self.mapping)

    @property
    def place(self) -> Place:
        return Place(self.kind, self.location, self.revision, self.outside)


def source_file(saved: dict[str, Any]) -> SourceFile:
    """A file as the result of a part holds it."""
    return SourceFile(
        **saved | {"format": Format(saved["format"]), "compression": Compression(saved["compression"])}
    )


def digest_of(told: Iterable[Sequence[Any]]) -> str:
    """What pins files: the hash over what is told of each, such as its name and the hash of its content."""
    return hashlib.sha256(orjson.dumps([list(each) for each in told])).hexdigest()


def groups(files: Sequence[SourceFile]) -> list[list[SourceFile]]:
    """Consecutive files that one part reads: about 256 MiB, at least one file. It goes by sizes alone."""
    found: list[list[SourceFile]] = []
    room = 0
    for file in files:
        if room <= 0:
            found.append([])
            room = PART_BYTES
        found[-1].append(file)
        room -= file.size
    return found


def estimated_rows(files: Sequence[SourceFile], options: Options) -> int:
    """About how many rows there are, for a progress bar: sizes over the mean length of sampled rows."""
    rows = [item.data for item in sample(files, 200, options) if isinstance(item, Row)]
    if not rows:
        return 0
    length = sum(len(orjson.dumps(row, default=str)) for row in rows) / len(rows)
    size = sum(file.size * (1 if file.compression == Compression.NONE else PACKED_RATIO) for file in files)
    return max(1, int(size / max(length, 1)))


@dataclass(slots=True)
class Cursor:
    """
    The records of several files, in order, from a place on; it knows how far it is. With `whole`, a file that unpacks
    to more than the mapping's `max_bytes` ends it with BadInput: half a bomb is no data.
    """

    source: str
    files: Sequence[SourceFile]
    mapping: Mapping
    file: int = 0
    items: int = 0
    over: bool = False
    whole: bool = False

    def __iter__(self) -> Iterator[Record | Reject]:
        while self.file < len(self.files):
            for item in contents(self.files[self.file], self.mapping, skip=self.items):
                self.items += 1
                yield self._reject(item) if isinstance(item, Reject) else self._record(item)
            self.file, self.items = self.file + 1, 0
        self.over = True

    def _reject(self, item: Reject) -> Reject:
        options = self.mapping.options
        if self.whole and item.reason == too_much(options):
            raise BadInput(
                f"{item.file} unpacks to more than {options.max_bytes:,} bytes, the most that a file from a page or "
                "the API may (WINNOW_MAX_UNPACKED_GB), so nothing was imported. Split it, or ask an administrator "
                "to import it from the shell"
            )
        return item

    def _record(self, made: Imported) -> Record:
        origin = {"origin": f"{made.file}#{made.line}"}
        content = replace(made.content, meta={**made.content.meta, **origin})
        return Record(record_id(self.source, made.own), self.source, content)


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a part stands after a shard: what the next attempt needs to go on."""

    file: int = 0
    items: int = 0
    shards: tuple[dict[str, Any], ...] = ()
    rejects: tuple[dict[str, Any], ...] = ()
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(shard["rows"] for shard in self.shards)

    @property
    def rejected(self) -> int:
        return sum(self.reasons.values())


def size_of(record: Record) -> int:
    """Characters of the record's turns: what batches and shards are measured by."""
    content = record.content
    turns = [*content.messages, *(m for c in content.completions for m in c.messages)]
    return sum(len(turn.content or "") + len(turn.tool_calls or "") for turn in turns)


def reject_batch(rejects: Sequence[Reject]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([asdict(reject) for reject in rejects], REJECTS)


def common_reasons(reasons: Counter[str] | dict[str, int], most: int = 20) -> dict[str, int]:
    return dict(Counter(reasons).most_common(most))


def check_rejected(rows: int, reasons: dict[str, int], limit: float) -> None:
    """Refuse an import that lost more than it kept, and say what was wrong with the rows."""
    rejected = sum(reasons.values())
    if rejected and rejected / (rows + rejected) > limit:
        told = "; ".join(f"{count:,} × {reason}" for reason, count in common_reasons(reasons, 3).items())
        raise BadInput(
            f"{rejected:,} of {rows + rejected:,} rows cannot be used, so nothing was imported: {told}. "
            "Give another mapping (--mapping), or say that so many may be rejected (--max-rejected)."
        )
    if not rows and not rejected:
        raise BadInput("There are no rows in this source")


def repeated(ids: Iterable[pa.Array]) -> npt.NDArray[np.int64]:
    """Positions (in the concatenation of `ids`) of every id that stood before, ascending. About 60 bytes a row."""
    halves = [id_halves(column) for column in ids]
    if not halves:
        return np.empty(0, np.int64)
    first, last = (np.concatenate(side) for side in zip(*halves, strict=True))
    order = np.lexsort((last, first))
    same = (first[order][1:] == first[order][:-1]) & (last[order][1:] == last[order][:-1])
    return np.sort(order[1:][same])
