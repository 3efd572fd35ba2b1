"""What `apply` would do, without doing it: the counts of `decide`, by DuckDB, whatever the size."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from decontam.engine.actions import LITERAL, SEVERITY, Action, Struck, roles_of, struck_by
from decontam.engine.apply import CONTAMINATED, FALSE_ALARM, ApplyConfig, Children, Policy, made_from, reason
from decontam.engine.evidence import MATCHES
from decontam.engine.report import MEANING

COLUMNS = ["seq", "record_id", "row_fingerprint", "item_fingerprint", "benchmark", "item_id", "method"]
COLUMNS += ["score", "found_by", "suppressed"]
LOOKED_AT = pa.schema([MATCHES.field(name) for name in COLUMNS])
VERDICTS = pa.schema([(name, pa.string()) for name in ("row_fingerprint", "item_fingerprint", "verdict")])
TAINTED = pa.schema([("record_id", pa.string()), ("parent", pa.string())])
SHOWN = 20
STAYS = ("suppressed", "false_alarms", "unruled_kept", "meaning_kept")
LEAVES = f"severity > {SEVERITY[Action.CUT]}"


@dataclass(frozen=True, slots=True)
class Preview:
    """
    `removed` of `rows` would leave, `quarantined` of them into quarantine and `tainted` of them because they were made
    from removed rows; `cut` would stay without the words they share, unless nothing else is in them. `first` are the
    first that leave, `{record_id, reason}`, by id.
    """

    rows: int
    removed: int
    quarantined: int
    cut: int
    tainted: int
    by_benchmark: dict[str, int]
    struck: list[Struck]
    matches: int
    suppressed: int
    false_alarms: int
    unruled_kept: int
    meaning_kept: int
    max_removed: float
    source_above: float
    first: list[dict[str, str]]

    @property
    def share(self) -> float:
        return self.removed / self.rows if self.rows else 0.0

    @property
    def refused(self) -> bool:
        """The retention guard would stop it."""
        return self.share > self.max_removed

    @property
    def condemned(self) -> list[Struck]:
        """Held-out benchmarks for which the source should go whole."""
        return [one for one in self.struck if one.condemns(self.source_above)]


def preview(
    matches: Iterable[pa.RecordBatch],
    rulings: Iterable[pa.RecordBatch],
    rows: int,
    config: ApplyConfig,
    lines: Sequence[Mapping[str, Any]] = (),
    children: Children = lambda _removed: {},
) -> Preview:
    """
    `matches` are the evidence as batches with `COLUMNS`, `rulings` batches of `VERDICTS`, `rows` the number of rows
    that were scanned; `lines` and `children` as for `decide`.
    """
    with tempfile.TemporaryDirectory() as spill:
        limits = {"threads": 1, "memory_limit": "1GB", "temp_directory": spill}
        with duckdb.connect(config=limits) as database:
            _offer(database, "ruled", VERDICTS, rulings)
            _offer(database, "found", LOOKED_AT, matches)
            _judge(database, config, lines)
            _taint(database, children)
            return Preview(
                rows=rows,
                removed=_one(database, f"SELECT count(*) FROM cases WHERE {LEAVES}"),
                quarantined=_with(database, Action.QUARANTINE),
                cut=_with(database, Action.CUT),
                tainted=_one(database, "SELECT count(*) FROM tainted"),
                by_benchmark=_by_benchmark(database, LEAVES, "record_id"),
                struck=_struck(database, config, lines),
                matches=_one(database, "SELECT count(*) FROM judged"),
                **{fate: _matches(database, fate) for fate in STAYS},
                max_removed=config.max_removed,
                source_above=config.source_above,
                first=_first(database),
            )


def _judge(database: Any, config: ApplyConfig, lines: Sequence[Mapping[str, Any]]) -> None:
    """What becomes of each match, and of each record that has one that counts; the cases are those of `decide`."""
    otherwise = "goes" if config.policy == Policy.DROP else "unruled_kept"
    close = otherwise if config.meaning else "meaning_kept"
    database.execute(
        f"""
        CREATE MACRO fate_of(verdict, suppressed, found_by) AS CASE
            WHEN verdict = '{FALSE_ALARM}' THEN 'false_alarms' WHEN verdict = '{CONTAMINATED}' THEN 'goes'
            WHEN suppressed <> '' THEN 'suppressed' WHEN found_by = ['{MEANING}'] THEN '{close}'
            ELSE '{otherwise}' END"""
    )
    severities = {name: SEVERITY[Action(config.action(role))] for name, role in roles_of(lines).items()}
    default, cut, drop = SEVERITY[Action(config.action(""))], SEVERITY[Action.CUT], SEVERITY[Action.DROP]
    database.execute("CREATE TEMP TABLE actions (benchmark VARCHAR, severity TINYINT)")
    if severities:
        database.executemany("INSERT INTO actions VALUES (?, ?)", list(severities.items()))
    database.execute(
        f"""
        CREATE TEMP TABLE judged AS
        SELECT seq, record_id, benchmark, item_id, method, score, fate_of(verdict, suppressed, found_by) AS fate,
            CASE WHEN coalesce(severity, {default}) = {cut} AND method NOT IN {LITERAL} THEN {drop}
                ELSE coalesce(severity, {default}) END AS severity
        FROM found LEFT JOIN ruled USING (row_fingerprint, item_fingerprint) LEFT JOIN actions USING (benchmark)"""
    )
    database.execute(
        """
        CREATE TEMP TABLE cases AS
        SELECT record_id, max(severity) AS severity FROM judged WHERE fate = 'goes' GROUP BY record_id"""
    )


def _taint(database: Any, children: Children) -> None:
    """Rows that were made from those that leave, or left before, leave too."""
    leaving = database.execute(f"SELECT record_id FROM cases WHERE {LEAVES}").to_arrow_table()
    made = children(leaving.column("record_id").to_pylist())
    table = pa.table({"record_id": list(made), "parent": list(made.values())}, schema=TAINTED)
    database.register("made", table)
    database.execute("CREATE TEMP TABLE tainted AS SELECT * FROM made")
    database.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE cases AS
        SELECT record_id, max(severity) AS severity
        FROM (FROM cases UNION ALL SELECT record_id, {SEVERITY[Action.DROP]} FROM tainted) GROUP BY record_id"""
    )


def _by_benchmark(database: Any, which: str, what: str) -> dict[str, int]:
    """How many different `what` the counting matches of rows of some severity have, by benchmark."""
    query = f"""
        SELECT benchmark, count(DISTINCT {what}) FROM judged JOIN cases USING (record_id)
        WHERE fate = 'goes' AND cases.{which} GROUP BY 1 ORDER BY 1"""
    return dict(database.execute(query).fetchall())


def _struck(database: Any, config: ApplyConfig, lines: Sequence[Mapping[str, Any]]) -> list[Struck]:
    rows, items = (_by_benchmark(database, "severity > 0", what) for what in ("record_id", "item_id"))
    return struck_by(lines, rows, items, config.action)


def _with(database: Any, action: Action) -> int:
    return _one(database, f"SELECT count(*) FROM cases WHERE severity = {SEVERITY[action]}")


def _matches(database: Any, fate: str) -> int:
    return _one(database, f"SELECT count(*) FROM judged WHERE fate = '{fate}'")


def _one(database: Any, query: str) -> int:
    return int(database.execute(query).fetchone()[0])


def _first(database: Any) -> list[dict[str, str]]:
    """The first rows that would leave, each with its best match, the earliest of equals."""
    query = f"""
        WITH shown AS (
            SELECT record_id, severity AS worst FROM cases WHERE {LEAVES} ORDER BY record_id LIMIT {SHOWN}
        )
        SELECT record_id, parent, worst, count(seq) OVER (PARTITION BY record_id), benchmark, item_id, method
        FROM shown LEFT JOIN (FROM judged WHERE fate = 'goes') USING (record_id)
            LEFT JOIN tainted USING (record_id)
        QUALIFY row_number() OVER (PARTITION BY record_id ORDER BY score DESC, seq) = 1
        ORDER BY record_id"""
    return [
        {"record_id": record_id, "reason": reason(best, count, severity) if count else made_from(parent)}
        for record_id, parent, severity, count, *best in database.execute(query).fetchall()
    ]


def _offer(database: Any, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    database.register(name, pa.RecordBatchReader.from_batches(schema, batches))
