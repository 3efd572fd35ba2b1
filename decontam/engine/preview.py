"""What `apply` would do, without doing it: the counts of `decide`, by DuckDB, whatever the size."""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from decontam.engine.apply import CONTAMINATED, FALSE_ALARM, ApplyConfig, Policy, reason
from decontam.engine.evidence import MATCHES

COLUMNS = ["seq", "record_id", "row_fingerprint", "item_fingerprint", "benchmark", "item_id", "method"]
COLUMNS += ["score", "suppressed"]
LOOKED_AT = pa.schema([MATCHES.field(name) for name in COLUMNS])
VERDICTS = pa.schema([(name, pa.string()) for name in ("row_fingerprint", "item_fingerprint", "verdict")])
SHOWN = 20
Batches = Callable[[], Iterable[pa.RecordBatch]]


@dataclass(frozen=True, slots=True)
class Preview:
    """`removed` of `rows` would go; `first` are the first of them, `{record_id, reason}`, in the order of ids."""

    rows: int
    removed: int
    by_benchmark: dict[str, int]
    matches: int
    suppressed: int
    false_alarms: int
    unruled_kept: int
    max_removed: float
    first: list[dict[str, str]]

    @property
    def share(self) -> float:
        return self.removed / self.rows if self.rows else 0.0

    @property
    def refused(self) -> bool:
        """The retention guard would stop it."""
        return self.share > self.max_removed


def preview(matches: Batches, rulings: Iterable[pa.RecordBatch], rows: int, config: ApplyConfig) -> Preview:
    """
    `matches` gives the evidence, twice, as batches with `COLUMNS`; `rulings` are batches of `VERDICTS`, `rows` the
    number of rows that were scanned.
    """
    with tempfile.TemporaryDirectory() as spill:
        limits = {"threads": 1, "memory_limit": "1GB", "temp_directory": spill}
        with duckdb.connect(config=limits) as database:
            database.register("ruled", pa.RecordBatchReader.from_batches(VERDICTS, rulings))
            database.execute("CREATE TEMP TABLE rulings AS SELECT * FROM ruled")
            _judge(database, matches(), config)
            return Preview(
                rows=rows,
                removed=_one(database, "SELECT count(DISTINCT record_id) FROM judged WHERE fate = 'goes'"),
                by_benchmark=_by_benchmark(database),
                matches=_one(database, "SELECT coalesce(sum(matches), 0) FROM judged"),
                **{fate: _matches(database, fate) for fate in ("suppressed", "false_alarms", "unruled_kept")},
                max_removed=config.max_removed,
                first=_first(database, matches()),
            )


def _judge(database: Any, matches: Iterable[pa.RecordBatch], config: ApplyConfig) -> None:
    """One row per record, benchmark and what becomes of its matches; the order of the cases is that of `decide`."""
    otherwise = "goes" if config.policy == Policy.DROP else "unruled_kept"
    database.execute(
        f"""
        CREATE MACRO fate_of(verdict, suppressed) AS CASE
            WHEN verdict = '{FALSE_ALARM}' THEN 'false_alarms' WHEN verdict = '{CONTAMINATED}' THEN 'goes'
            WHEN suppressed <> '' THEN 'suppressed' ELSE '{otherwise}' END"""
    )
    _offer(database, "found", matches)
    database.execute(
        """
        CREATE TEMP TABLE judged AS
        SELECT record_id, benchmark, fate_of(verdict, suppressed) AS fate, count(*) AS matches
        FROM found LEFT JOIN rulings USING (row_fingerprint, item_fingerprint)
        GROUP BY ALL"""
    )


def _by_benchmark(database: Any) -> dict[str, int]:
    query = (
        "SELECT benchmark, count(DISTINCT record_id) FROM judged WHERE fate = 'goes' GROUP BY 1 ORDER BY 1"
    )
    return dict(database.execute(query).fetchall())


def _matches(database: Any, fate: str) -> int:
    return _one(database, f"SELECT coalesce(sum(matches), 0) FROM judged WHERE fate = '{fate}'")


def _one(database: Any, query: str) -> int:
    return int(database.execute(query).fetchone()[0])


def _first(database: Any, matches: Iterable[pa.RecordBatch]) -> list[dict[str, str]]:
    """The first rows that would go, each with its best match, the earliest of equals."""
    _offer(database, "again", matches)
    query = f"""
        WITH shown AS (
            SELECT DISTINCT record_id FROM judged WHERE fate = 'goes' ORDER BY record_id LIMIT {SHOWN}
        )
        SELECT record_id, benchmark, item_id, method, count(*) OVER (PARTITION BY record_id)
        FROM again LEFT JOIN rulings USING (row_fingerprint, item_fingerprint)
        WHERE record_id IN (FROM shown) AND fate_of(verdict, suppressed) = 'goes'
        QUALIFY row_number() OVER (PARTITION BY record_id ORDER BY score DESC, seq) = 1
        ORDER BY record_id"""
    return [
        {"record_id": record_id, "reason": reason(best, count)}
        for record_id, *best, count in database.execute(query).fetchall()
    ]


def _offer(database: Any, name: str, batches: Iterable[pa.RecordBatch]) -> None:
    database.register(name, pa.RecordBatchReader.from_batches(LOOKED_AT, batches))
