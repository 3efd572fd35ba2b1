"""Last stage: which rows go, for which row that stays, and what that costs each source."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from curation.engine.errors import Refused
from curation.engine.text.jit import Array, inlined, kernel
from decontam.engine.dedupe.config import DedupeConfig
from decontam.engine.dedupe.ordering import ROWS
from decontam.engine.dedupe.pairing import GONE
from decontam.engine.dedupe.spill import MEMORY, Spill
from decontam.engine.dedupe.verifying import EDGES

CLUSTERS = pa.schema(
    [
        ("cluster", pa.int64()),
        ("record_id", pa.string()),
        ("kept_id", pa.string()),
        ("similarity", pa.float64()),
        ("reason", pa.string()),
        ("method", pa.string()),
        ("source", pa.string()),
        ("reference", pa.bool_()),
        ("position", pa.int64()),
        ("kept_position", pa.int64()),
    ]
)
KEPT_MAP = pa.schema(
    [
        ("position", pa.int64()),
        ("record_id", pa.string()),
        ("kept_id", pa.string()),
        ("similarity", pa.float64()),
        ("reason", pa.string()),
        ("method", pa.string()),
        ("cluster", pa.int64()),
    ]
)
NAMED = ["position", "record_id", "source", "reference"]
MOST_SOURCES = 1000


def settle(
    edges: Iterable[pa.RecordBatch], rows: int, reference: int, config: DedupeConfig, memory: str = MEMORY
) -> pa.Table:
    """The ranks (`GONE`, ascending) that verified pairs remove: for the second pass."""
    with Spill(memory) as spill:
        spill.load("edges", EDGES, edges, "FROM given")
        gone = np.flatnonzero(_fates(spill, rows, reference, config) >= 0)
    return pa.Table.from_arrays([pa.array(gone)], schema=GONE)


def _fates(spill: Spill, rows: int, reference: int, config: DedupeConfig) -> Array:
    """
    int64 for each rank: that of the row for which it goes, or -1. Rows are decided in the order of rank.

    A row goes when it was found to match a row that stays: the most similar of these, the first of equals. With
    `closure`, when verified pairs link it to a row of a lower rank; two rows of a reference that is to stay are never
    linked. Eight bytes a row are all that is held here.
    """
    fates, staying = np.full(rows, -1, np.int64), 0 if config.reference_itself else reference
    ordered = "SELECT lead, member, similarity FROM edges ORDER BY member, similarity DESC, lead"
    for batch in spill.batches(ordered, EDGES):
        lead, member = (batch.column(name).to_numpy() for name in ("lead", "member"))
        if config.closure:
            link(lead, member, staying, fates)
        else:
            decide(lead, member, fates)
    if config.closure:
        flatten(fates)
    return fates


@kernel
def decide(lead: Any, member: Any, fates: Any) -> None:
    """Pairs come by member: by then it is known of every possible lead whether it stays."""
    for k in range(len(lead)):
        if fates[member[k]] < 0 and fates[lead[k]] < 0:
            fates[member[k]] = lead[k]


@kernel
def link(lead: Any, member: Any, staying: int, fates: Any) -> None:
    """Union by the lower rank; a fate is the row above, up to the root of the tree, which has none."""
    for k in range(len(lead)):
        one, other = root(lead[k], fates), root(member[k], fates)
        if one != other and max(one, other) >= staying:
            fates[max(one, other)] = min(one, other)


@inlined
def root(row: int, fates: Any) -> int:
    """The row that stays; the way there is halved for the next one."""
    while fates[row] >= 0:
        if fates[fates[row]] >= 0:
            fates[row] = fates[fates[row]]
        row = fates[row]
    return row


@kernel
def flatten(fates: Any) -> None:
    """Point every row at its root; rows above are flat already."""
    for rank in range(len(fates)):
        if fates[rank] >= 0 and fates[fates[rank]] >= 0:
            fates[rank] = fates[fates[rank]]


class Resolution:
    """
    What was decided. `signed` has the columns `NAMED`; `rows` is what `order` gave; `edges` are all verified pairs, and
    `reference` is the number of rows of the reference.

    Clusters are numbered from 1, the largest first, and each begins with the row that is kept.
    """

    def __init__(
        self,
        edges: Iterable[pa.RecordBatch],
        rows: Iterable[pa.RecordBatch],
        signed: Iterable[pa.RecordBatch],
        reference: int,
        config: DedupeConfig,
        memory: str = MEMORY,
    ) -> None:
        self._config, self._spill = config, Spill(memory)
        load = self._spill.load
        load("edges", EDGES, edges, "FROM given")
        load("ranks", ROWS, rows, "FROM given")
        named = pa.schema([field for field in _SIGNED if field.name in NAMED])
        load("named", named, (batch.select(NAMED).cast(named) for batch in signed), "FROM given")
        self._decide(self._spill.value("SELECT count(*) FROM ranks"), reference)

    def _decide(self, count: int, reference: int) -> None:
        fates = _fates(self._spill, count, reference, self._config)
        gone = np.flatnonzero(fates >= 0)
        near = pa.table({"first": gone, "kept": fates[gone]})
        self._spill.load("near", near.schema, near.to_batches(), _NEAR)
        self._spill.run(f"CREATE TEMP TABLE gone AS {_GONE}", _sides(self._config, reference))
        self._spill.run(f"CREATE TEMP TABLE members AS {_MEMBERS}")
        self._spill.run(f"CREATE TEMP TABLE clusters AS {_CLUSTERED}")

    def clusters(self) -> Iterator[pa.RecordBatch]:
        """One row of `CLUSTERS` per row of a cluster, the kept one first, by number of cluster."""
        return self._spill.batches("FROM clusters ORDER BY cluster, method <> 'kept', position", CLUSTERS)

    def removed(self, first: int, last: int) -> Iterator[pa.RecordBatch]:
        """What goes of the positions from `first` up to `last` and for which row, in order, as `KEPT_MAP`."""
        query = f"""SELECT {", ".join(KEPT_MAP.names)} FROM clusters
            WHERE method <> 'kept' AND position >= $1 AND position < $2 ORDER BY position"""
        return self._spill.batches(query, KEPT_MAP, [first, last])

    def facts(self, first: int = 0) -> dict[str, Any]:
        """
        Counts of the rows from position `first` on (a reference that loses nothing is before it), and by source its
        rows, how many of them go and which share that is; the hardest hit first.
        """
        counted = self._spill.rows(
            """SELECT source, count(*), count(method) FROM named
            LEFT JOIN (SELECT position, method FROM clusters WHERE method <> 'kept') USING (position)
            WHERE position >= $1 GROUP BY source ORDER BY count(method) / count(*) DESC, source""",
            [first],
        )
        methods = dict(
            self._spill.rows(
                """SELECT method, count(*) FROM clusters
                WHERE method = 'kept' OR position >= $1 GROUP BY method""",
                [first],
            )
        )
        largest = self._spill.value(
            "SELECT max(size) FROM (SELECT count(*) size FROM clusters GROUP BY cluster)"
        )
        sources = {
            name: {"rows": rows, "lost": lost, "share": round(lost / rows, 6)} for name, rows, lost in counted
        }
        over = [
            name for name, of in sources.items() if of["lost"] > self._config.max_source_loss * of["rows"]
        ]
        return {
            "rows": sum(rows for _, rows, _ in counted),
            "removed": sum(lost for _, _, lost in counted),
            "exact": methods.get("exact", 0),
            "near": methods.get("near", 0),
            "clusters": methods.get("kept", 0),
            "largest": largest or 0,
            "sources": dict(list(sources.items())[:MOST_SOURCES]),
            "over": over[:MOST_SOURCES],
        }

    def close(self) -> None:
        self._spill.__exit__()

    def __enter__(self) -> "Resolution":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_SIGNED = pa.schema(
    [("position", pa.int64()), ("record_id", pa.string()), ("source", pa.string()), ("reference", pa.bool_())]
)
_NEAR = """
    SELECT first, kept, max(similarity) AS similarity FROM given
    LEFT JOIN edges ON member = first AND lead = kept GROUP BY first, kept"""
_GONE = """
    SELECT position, rank, coalesce(near.kept, ranks.first) AS kept,
        CASE WHEN near.kept IS NULL THEN 1.0 ELSE similarity END AS similarity,
        CASE WHEN near.kept IS NULL THEN 'exact' ELSE 'near' END AS method
    FROM ranks LEFT JOIN near USING (first)
    WHERE near.kept IS NOT NULL OR rank <> first AND (
        first >= $reference AND $each_other OR rank < $reference AND $reference_itself
        OR first < $reference AND rank >= $reference)"""
_MEMBERS = """
    SELECT position, rank, kept, similarity, method FROM gone UNION ALL
    SELECT position, rank, rank, 1.0, 'kept' FROM ranks SEMI JOIN gone ON ranks.rank = gone.kept"""
_CLUSTERED = """
    WITH numbered AS (
        SELECT kept, row_number() OVER (ORDER BY count(*) DESC, kept) AS cluster FROM members GROUP BY kept),
    keepers AS (SELECT kept, cluster, position AS kept_position, record_id AS kept_id
        FROM numbered JOIN ranks ON rank = kept JOIN named USING (position))
    SELECT cluster, record_id, kept_id, similarity,
        CASE method WHEN 'kept' THEN 'kept' WHEN 'exact' THEN 'the same text'
            ELSE coalesce('similar text (' || printf('%.2f', similarity) || ')', 'linked through other rows')
            END AS reason,
        method, source, reference, position, kept_position
    FROM members JOIN keepers USING (kept) JOIN named USING (position)"""


def _sides(config: DedupeConfig, reference: int) -> dict[str, Any]:
    return {
        "reference": reference,
        "each_other": config.each_other,
        "reference_itself": config.reference_itself,
    }


def guard(facts: dict[str, Any], config: DedupeConfig) -> None:
    """Refuse when a source would lose more than was agreed to."""
    if facts["over"] and not config.allow_loss:
        name = facts["over"][0]
        of, others = facts["sources"][name], len(facts["over"]) - 1
        more = f", and so would {others:,} other sources" if others else ""
        raise Refused(
            f"Source {name} would lose {of['lost']:,} of its {of['rows']:,} rows ({of['share']:.1%}), more than the "
            f"{100 * config.max_source_loss:g}% that may go{more}. Look at the clusters, raise max_source_loss, or "
            "allow it with allow_loss."
        )
