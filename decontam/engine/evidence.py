"""
What a scan found, as a table that people can rule on: one row per (training text, benchmark item).

A cause is the longest run of an item's tokens that a training text shares; rows of equal cause were found for the
same reason and can be ruled together. Nothing here is removed: a row that is not to count carries the reason.
"""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.text.words import words
from curation.engine.units import ItemPart, Texts
from decontam.engine.precision import PARTIAL
from decontam.engine.report import CONTAMINATED_ABOVE, MEANING

SPANS = pa.list_(pa.struct([pa.field("start", pa.int64()), pa.field("end", pa.int64())]))
MATCHES = pa.schema(
    [
        pa.field("seq", pa.int64()),
        pa.field("record_id", pa.string()),
        pa.field("row_fingerprint", pa.string()),
        pa.field("turn", pa.int64()),
        pa.field("benchmark", pa.string()),
        pa.field("item_id", pa.string()),
        pa.field("item_fingerprint", pa.string()),
        pa.field("part", pa.string()),
        pa.field("method", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("found_by", pa.list_(pa.string())),
        pa.field("share", pa.float64()),
        pa.field("bits", pa.float64()),
        pa.field("doubt", pa.float64()),
        pa.field("train_spans", SPANS),
        pa.field("item_spans", SPANS),
        pa.field("cause", pa.string()),
        pa.field("phrase", pa.string()),
        pa.field("suppressed", pa.string()),
    ]
)
CAUSES = pa.schema(
    [
        pa.field("group", pa.int64()),
        pa.field("benchmark", pa.string()),
        pa.field("cause", pa.string()),
        pa.field("phrase", pa.string()),
        pa.field("first_seq", pa.int64()),
        pa.field("last_seq", pa.int64()),
        pa.field("matches", pa.int64()),
        pa.field("rows", pa.int64()),
        pa.field("items", pa.int64()),
        pa.field("methods", pa.list_(pa.string())),
        pa.field("lowest", pa.float64()),
        pa.field("highest", pa.float64()),
    ]
)
PHRASE_LENGTH = 200
COUNTS = "coalesce(suppressed, '') = ''"
CLOSE = f"{COUNTS} AND found_by = ['{MEANING}']"  # it waits for a person
EVIDENT = f"{COUNTS} AND found_by <> ['{MEANING}']"
SLICE = 20_000
MOST_CAUSES = 200_000


@dataclass(frozen=True, slots=True)
class Items:
    """The items of one benchmark version, by position: what identifies them and the texts that are looked for."""

    ids: list[str]
    fingerprints: list[str]
    texts: pa.Array
    part: str = ItemPart.PROMPT
    benchmark: str = ""

    def __len__(self) -> int:
        return len(self.ids)


class Evidence:
    """
    Turns the matches of a scan, judged or not, into rows of `MATCHES`: positions become ids, spans become causes.

    `seq` stays null: numbers are given once all of a run's evidence is sorted.
    """

    def __init__(self, items: Mapping[str, Items]) -> None:
        self._items = items
        self._causes: dict[tuple[str, int, int, int], tuple[str, str]] = {}

    def batches(self, found: pa.Table, texts: Texts, records: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """`found` is the scan of `texts.text`; `records` has the columns id and fingerprint of their rows."""
        for start in range(0, len(found), SLICE):
            yield self._batch(found.slice(start, SLICE).combine_chunks(), texts, records)

    def _batch(self, found: pa.Table, texts: Texts, records: pa.RecordBatch) -> pa.RecordBatch:
        position = found.column("row").to_numpy()
        row = pa.array(texts.row[position])
        names, places = found.column("benchmark").to_pylist(), found.column("item").to_pylist()
        causes = [
            self._cause(name, place, spans)
            for name, place, spans in zip(names, places, found.column("item_spans").to_pylist(), strict=True)
        ]
        columns = {
            "seq": pa.nulls(len(found), pa.int64()),
            "record_id": records.column("id").take(row),
            "row_fingerprint": records.column("fingerprint").take(row),
            "turn": pa.array(texts.turn[position]),
            "benchmark": [self._items[name].benchmark or name for name in names],
            "part": [self._items[name].part for name in names],
            "item_id": [self._items[name].ids[place] for name, place in zip(names, places, strict=True)],
            "item_fingerprint": [self._items[n].fingerprints[p] for n, p in zip(names, places, strict=True)],
            "cause": [cause for cause, _ in causes],
            "phrase": [phrase for _, phrase in causes],
        }
        unjudged = {
            "suppressed": pa.nulls(len(found), pa.string()),
            "found_by": [[method] for method in found.column("method").to_pylist()],
            "doubt": pc.subtract(1.0, found.column("score")),
            "share": pa.nulls(len(found), pa.float64()),
            "bits": pa.nulls(len(found), pa.float64()),
        }
        columns |= {name: values for name, values in unjudged.items() if name not in found.column_names}
        columns = {name: found.column(name) for name in found.column_names} | columns
        table = pa.table({field.name: columns[field.name] for field in MATCHES}).cast(MATCHES)
        return table.combine_chunks().to_batches()[0]

    def _cause(self, benchmark: str, item: int, spans: Sequence[Mapping[str, int]]) -> tuple[str, str]:
        """Hash and beginning of the longest shared run of an item; most runs are shared by many rows."""
        longest = max(spans, key=lambda span: span["end"] - span["start"])
        key = (benchmark, item, longest["start"], longest["end"])
        if len(self._causes) == MOST_CAUSES:
            self._causes.clear()
        if key not in self._causes:
            text = self._items[benchmark].texts[item].as_py()[longest["start"] : longest["end"]]
            shared = " ".join(words(text))
            self._causes[key] = hashlib.sha256(shared.encode()).hexdigest()[:16], shared[:PHRASE_LENGTH]
        return self._causes[key]


@dataclass(frozen=True, slots=True)
class Counts:
    """
    Of one benchmark. `matches` are all; those that count hit `items_hit` distinct items and `rows_hit` distinct
    training records. What only meaning found waits for a person: it is in `close_in_meaning`, and hits nothing.
    `methods` says of all that is not suppressed what each method found, and `alone`: how much of it no other did.
    `suppressed` are matches by the reason why they do not count.
    """

    matches: int = 0
    items_hit: int = 0
    rows_hit: int = 0
    close_in_meaning: int = 0
    methods: dict[str, dict[str, int]] = field(default_factory=dict)
    suppressed: dict[str, int] = field(default_factory=dict)


class SortedEvidence:
    """
    All evidence of a run by benchmark, then by the causes that explain most, then the most doubtful first, and
    numbered from 1. DuckDB sorts it, on disk where memory does not suffice.

    What shares a benchmark and a cause has consecutive numbers, so a cause is known by its first and its last.
    """

    ORDER = "benchmark, size DESC, cause, doubt DESC, record_id, turn, item_id, part"

    def __init__(self, unsorted: Iterable[pa.RecordBatch]) -> None:
        self._spill = tempfile.TemporaryDirectory()
        limits = {"threads": 1, "memory_limit": "1GB", "temp_directory": self._spill.name}
        self._database = duckdb.connect(config=limits)
        reader = pa.RecordBatchReader.from_batches(MATCHES, unsorted)
        self._database.register("unsorted", reader)
        self._database.execute("CREATE TEMP TABLE found AS SELECT * EXCLUDE (seq) FROM unsorted")

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        columns = ", ".join(field.name for field in MATCHES if field.name != "seq")
        sized = "SELECT *, count(*) OVER (PARTITION BY benchmark, cause) AS size FROM found"
        query = (
            f"SELECT row_number() OVER (ORDER BY {self.ORDER}) AS seq, {columns} FROM ({sized}) ORDER BY seq"
        )
        for batch in self._database.execute(query).to_arrow_reader(rows):
            yield batch.cast(MATCHES)

    def causes(self, rows: int) -> Iterator[pa.RecordBatch]:
        """One row of `CAUSES` per (benchmark, cause), numbered in the order of its matches."""
        grouped = """
            SELECT benchmark, cause, min(phrase) AS phrase, count(*) AS matches,
                count(DISTINCT record_id) AS rows, count(DISTINCT item_id) AS items,
                list_sort(list(DISTINCT method)) AS methods, min(score) AS lowest, max(score) AS highest
            FROM found GROUP BY benchmark, cause"""
        query = f"""
            SELECT row_number() OVER running AS group, sum(matches) OVER running - matches + 1 AS first_seq,
                sum(matches) OVER running AS last_seq, *
            FROM ({grouped})
            WINDOW running AS (ORDER BY benchmark, matches DESC, cause ROWS UNBOUNDED PRECEDING)
            ORDER BY 1"""
        for batch in self._database.execute(query).to_arrow_reader(rows):
            yield batch.select(CAUSES.names).cast(CAUSES)

    def count_partial(self, items: Mapping[str, int]) -> list[str]:
        """
        Parts of short items count where their source is over the line with the benchmark by what counts for itself;
        `items` are the benchmarks' numbers of items. Returns those benchmarks.
        """
        query = f"SELECT benchmark, count(DISTINCT item_id) FROM found WHERE {EVIDENT} GROUP BY 1 ORDER BY 1"
        hit = self._database.execute(query).fetchall()
        over = [name for name, number in hit if number > CONTAMINATED_ABOVE * items[name]]
        change = "UPDATE found SET suppressed = '' WHERE suppressed = ? AND list_contains(?, benchmark)"
        self._database.execute(change, [PARTIAL, over])
        return over

    def counts(self) -> dict[str, Counts]:
        """By benchmark; one that was not hit is absent."""
        query = f"""
            SELECT benchmark, count(*), count(DISTINCT item_id) FILTER ({EVIDENT}),
                count(DISTINCT record_id) FILTER ({EVIDENT}), count(*) FILTER ({CLOSE})
            FROM found GROUP BY benchmark ORDER BY 1"""
        counts = {name: Counts(*numbers) for name, *numbers in self._database.execute(query).fetchall()}
        by_method = f"""
            SELECT benchmark, by_method, count(*), count(DISTINCT item_id), count(DISTINCT record_id),
                count(*) FILTER (len(found_by) = 1)
            FROM (SELECT *, unnest(found_by) AS by_method FROM found WHERE {COUNTS}) GROUP BY 1, 2 ORDER BY 1, 2"""
        for name, method, *numbers in self._database.execute(by_method).fetchall():
            of_method = zip(("matches", "items_hit", "rows_hit", "alone"), numbers, strict=True)
            counts[name].methods[method] = dict(of_method)
        by_reason = f"""
            SELECT benchmark, suppressed, count(*) FROM found WHERE NOT ({COUNTS}) GROUP BY 1, 2 ORDER BY 1, 2"""
        for name, why, number in self._database.execute(by_reason).fetchall():
            counts[name].suppressed[why] = number
        return counts

    def rows_hit(self) -> int:
        """Distinct training records with a match that counts in any benchmark."""
        return self._one(f"SELECT count(DISTINCT record_id) FROM found WHERE {EVIDENT}")

    def rows_close(self) -> int:
        """Distinct training records that are close in meaning to an item, and match none otherwise."""
        evident = f"SELECT record_id FROM found WHERE {EVIDENT}"
        return self._one(
            f"SELECT count(DISTINCT record_id) FROM found WHERE {CLOSE} AND record_id NOT IN ({evident})"
        )

    def _one(self, query: str) -> int:
        (number,) = self._database.execute(query).fetchall()[0]
        return int(number)

    def suppressed(self) -> dict[str, int]:
        """Matches that do not count, by what the reason begins with: the rest may quote texts."""
        query = """
            SELECT split_part(suppressed, ':', 1), count(*) FROM found WHERE suppressed <> '' GROUP BY 1 ORDER BY 1"""
        return dict(self._database.execute(query).fetchall())

    def close(self) -> None:
        self._database.close()
        self._spill.cleanup()
