"""
Third stage: pairs of rows that may be duplicates, from rows that share a band of their signatures.

A bucket (the rows that share a band) is never paired with itself: that is quadratic, and a template that 100,000 rows
share makes one bucket of them. It is a star instead. In the first pass every row is paired with the bucket's lead,
the row that would be kept. In the second pass, over the rows that are still there, it is paired with the next lead,
and with its neighbour when the bucket is sorted by the next two bands: near-equal signatures meet there. So there are
at most three pairs a row and band, whatever the data.

What is given up: two duplicates are missed when in each bucket that they share both lose their leads in the first
pass or differ from the leads of both passes, and they are no neighbours. That takes a bucket of many rows which are
alike and yet no duplicates.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

import pyarrow as pa

from decontam.engine.dedupe.config import DedupeConfig
from decontam.engine.dedupe.ordering import ROWS
from decontam.engine.dedupe.signing import band_name
from decontam.engine.dedupe.spill import MEMORY, Spill

PAIRS = pa.schema([("lead", pa.int64()), ("member", pa.int64())])
GONE = pa.schema([("rank", pa.int64())])
NEEDED = pa.schema([("position", pa.int64()), ("rank", pa.int64())])
BANDS_A_PART = 7


def band_ranges(config: DedupeConfig) -> list[list[int]]:
    """The bands of each part; the pairs depend on this cut, so it is not to depend on anything else."""
    bands = range(config.banding[0] if config.near else 0)
    return [list(bands[start : start + BANDS_A_PART]) for start in bands[::BANDS_A_PART]]


def candidates(
    signed: Iterable[pa.RecordBatch],
    rows: Iterable[pa.RecordBatch],
    bands: list[int],
    config: DedupeConfig,
    *,
    reference: int = 0,
    gone: Iterable[pa.RecordBatch] | None = None,
    memory: str = MEMORY,
) -> Iterator[pa.RecordBatch]:
    """
    Pairs from some bands, by rank, each pair once per band. `signed` has `position` and these bands, `rows` is what
    `order` gave, and `reference` the number of rows of the reference, which have the lowest ranks.

    `gone` are the ranks that the first pass removed; with it this is the second pass.
    """
    with Spill(memory) as spill:
        _load(spill, signed, rows, bands, gone, config)
        for place, band in enumerate(bands):
            following = [bands[(place + step) % len(bands)] for step in (1, 2)]
            spill.run(f"CREATE OR REPLACE TEMP TABLE buckets AS {_buckets(band)}")
            star = "SELECT lead, rank AS member FROM buckets WHERE lead < rank"
            query = star if gone is None else _second_pass(following)
            yield from spill.batches(
                f"SELECT lead, member FROM ({query}) WHERE {_allowed(config)}", PAIRS, [reference]
            )


def _load(
    spill: Spill,
    signed: Iterable[pa.RecordBatch],
    rows: Iterable[pa.RecordBatch],
    bands: list[int],
    gone: Iterable[pa.RecordBatch] | None,
    config: DedupeConfig,
) -> None:
    names = ["position", *map(band_name, bands)]
    spill.load("firsts", ROWS, rows, "SELECT position, rank FROM given WHERE rank = first")
    spill.load("gone", GONE, gone or (), "SELECT rank FROM given")
    given = iter(signed)
    if (head := next(given, None)) is None:
        schema, batches = (
            pa.schema([("position", pa.int64()), *((n, pa.binary()) for n in names[1:])]),
            iter(()),
        )
    else:
        schema = head.select(names).schema.remove_metadata()
        batches = (_same(batch, config).select(names).cast(schema) for batch in chain([head], given))
    hashed = ", ".join(f"hash({name}) AS {name}" for name in names[1:])
    spill.load(
        "members",
        schema,
        batches,
        f"""SELECT rank, rank IN (SELECT rank FROM gone) AS gone, {hashed} FROM given JOIN firsts USING (position)
        WHERE {names[1]} IS NOT NULL""",
    )


def _same(signed: pa.RecordBatch, config: DedupeConfig) -> pa.RecordBatch:
    """Parts of a run that was taken up again may have been signed by another release."""
    config.scheme.require_same(signed.schema.metadata)
    return signed


def _buckets(band: int) -> str:
    """Rows that share the band with another row, with the first of them all, removed or not."""
    name = band_name(band)
    shared = f"SELECT {name}, min(rank) AS lead FROM members GROUP BY {name} HAVING count(*) > 1"
    return f"SELECT members.*, lead, {name} AS bucket FROM members JOIN ({shared}) USING ({name})"


def _second_pass(following: list[int]) -> str:
    """Without the first leads: the next lead, and the neighbour by the bands that follow."""
    by = ", ".join(map(band_name, following))
    return f"""
        WITH standing AS (SELECT * EXCLUDE (lead) FROM buckets WHERE rank <> lead AND NOT gone),
        paired AS (SELECT rank AS member, min(rank) OVER (PARTITION BY bucket) AS lead,
            lag(rank) OVER (PARTITION BY bucket ORDER BY {by}, rank) AS neighbour FROM standing)
        SELECT lead, member FROM paired WHERE lead < member UNION
        SELECT least(neighbour, member), greatest(neighbour, member) FROM paired WHERE neighbour IS NOT NULL"""


def _allowed(config: DedupeConfig) -> str:
    """Which sides may meet; the lead is never behind the member, so it is the one of the reference if one is."""
    both = "member < $1" if config.reference_itself else "false"
    none = "lead >= $1" if config.each_other else "false"
    return f"({both}) OR ({none}) OR (lead < $1 AND member >= $1)"


class Pairs:
    """The pairs of all bands, each once, without those that an earlier pass has seen; and whose texts they need."""

    def __init__(
        self,
        found: Iterable[pa.RecordBatch],
        rows: Iterable[pa.RecordBatch],
        seen: Iterable[pa.RecordBatch] = (),
        memory: str = MEMORY,
    ) -> None:
        self._spill = Spill(memory)
        self._spill.load("found", PAIRS, found, "FROM given")
        self._spill.load("seen", PAIRS, seen, "FROM given")
        self._spill.run(
            "CREATE TEMP TABLE pairs AS SELECT DISTINCT lead, member FROM found ANTI JOIN seen USING (lead, member)"
        )
        ranks = "SELECT lead AS rank FROM pairs UNION SELECT member FROM pairs"
        self._spill.load(
            "needed", ROWS, rows, f"SELECT position, rank FROM given SEMI JOIN ({ranks}) USING (rank)"
        )

    def __len__(self) -> int:
        return int(self._spill.value("SELECT count(*) FROM pairs"))

    def part(self, number: int, parts: int) -> Iterator[pa.RecordBatch]:
        """The pairs of one of several parts, by lead, then member."""
        query = "SELECT lead, member FROM pairs WHERE lead % $1 = $2 ORDER BY ALL"
        return self._spill.batches(query, PAIRS, [parts, number])

    def needed(self, first: int, last: int) -> Iterator[pa.RecordBatch]:
        """Positions from `first` up to `last` whose texts are compared, in order, with their ranks."""
        query = "SELECT position, rank FROM needed WHERE position >= $1 AND position < $2 ORDER BY position"
        return self._spill.batches(query, NEEDED, [first, last])

    def close(self) -> None:
        self._spill.__exit__()

    def __enter__(self) -> "Pairs":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
