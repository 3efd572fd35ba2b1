"""
Duplicates across the sources of a mixture: a version of removed rows says of each which row is kept for it. A row is
left out where the kept one could be drawn too, whether it is drawn or not: which of two equal texts goes into training
must not hang on the seed.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.errors import BadInput
from curation.engine.mixing.sampling import id_halves

KEPT = r'"kept_id":\s*"(?P<kept>[0-9a-f]{32})"'
GONE = pa.schema(
    [pa.field("id", pa.string(), nullable=False), pa.field("kept_id", pa.string(), nullable=False)]
)

Mask = npt.NDArray[np.bool_]


class IdSet:
    """A set of record ids in 16 bytes each, which is asked about many at once."""

    def __init__(self, ids: pa.Array | pa.ChunkedArray) -> None:
        first, last = id_halves(ids)
        order = np.lexsort((last, first))
        self._first, self._last = first[order], last[order]
        self._run = _longest_run(self._first)

    def __len__(self) -> int:
        return len(self._first)

    def holds(self, ids: pa.Array) -> Mask:
        """Which of these ids are in the set, in their order."""
        found = np.zeros(len(ids), bool)
        if not len(self) or not len(ids):
            return found
        first, last = id_halves(ids)
        begin = np.searchsorted(self._first, first)
        for step in range(self._run):
            at = np.minimum(begin + step, len(self) - 1)
            found |= (self._first[at] == first) & (self._last[at] == last)
        return found


@dataclass(frozen=True, slots=True)
class Seen:
    """What of some duplicates one version has: ids of kept rows and of removed rows, 16 bytes each or less."""

    kept: pa.Array
    removed: pa.Array


@dataclass(frozen=True, slots=True)
class Gone:
    """The rows that a mixture leaves out, with the row that is kept for each: a table of `GONE`, and its ids."""

    pairs: pa.Table
    ids: IdSet

    @classmethod
    def of(cls, pairs: pa.Table) -> "Gone":
        return cls(pairs, IdSet(pairs.column("id")))

    def __len__(self) -> int:
        return len(self.ids)

    def within(self, seen: Seen) -> int:
        """How many of them one version has."""
        return int(self.ids.holds(seen.removed).sum())

    def kept_for(self, ids: pa.Array) -> pa.Array:
        """The row that is kept for each of these rows that go."""
        at = pc.index_in(ids, value_set=self.pairs.column("id").combine_chunks())
        return self.pairs.column("kept_id").combine_chunks().take(at)


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Rows that were removed, and for each the row that is kept: a table of `GONE`."""

    pairs: pa.Table

    @classmethod
    def read(cls, batches: Iterable[pa.RecordBatch]) -> "Duplicates":
        """Of rows of `REMOVED`; BadInput where these do not say what was kept."""
        tables = [pa.table([b.column("record_id"), _kept(b)], schema=GONE) for b in batches]
        return cls(pa.concat_tables(tables) if tables else GONE.empty_table())

    def seen(self, ids: Iterable[pa.Array]) -> Seen:
        """Of the ids of one version; one pass."""
        sides = [(IdSet(self.pairs.column(name)), [pa.array([], pa.string())]) for name in ("kept_id", "id")]
        for some in ids:
            for wanted, there in sides:
                there.append(some.filter(pa.array(wanted.holds(some))))
        return Seen(*(pa.concat_arrays(there) for _, there in sides))

    def gone(self, pool: Iterable[Seen]) -> Gone:
        """The rows whose kept row is in one of the versions of a mixture."""
        there = IdSet(pa.chunked_array([seen.kept for seen in pool], pa.string()))
        kept = self.pairs.column("kept_id").combine_chunks()
        return Gone.of(self.pairs.filter(pa.array(there.holds(kept))))


def _kept(batch: pa.RecordBatch) -> pa.Array:
    evidence = batch.column("evidence")
    kept = pc.struct_field(pc.extract_regex(evidence, KEPT), "kept")
    if kept.null_count:
        raise BadInput(
            "These removed rows do not say for which row they went; name the version of duplicates that a "
            "deduplication made, such as chats-duplicates@1"
        )
    return kept


def _longest_run(ordered: npt.NDArray[np.uint64]) -> int:
    """How many equal values stand beside each other at most."""
    starts = np.flatnonzero(np.diff(ordered, prepend=~ordered[:1]))
    return int(np.diff(np.append(starts, len(ordered))).max(initial=1))


NOTHING = Gone.of(GONE.empty_table())
