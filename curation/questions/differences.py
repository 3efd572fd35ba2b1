"""Two versions row by row: what is only in one of them, and what says something else under the same id."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from curation.models import Version, store

SHOWN = 20
COLUMNS = pa.schema([pa.field("id", pa.string()), pa.field("fingerprint", pa.string())])
KINDS = {
    "gone": "b.id IS NULL",
    "new": "a.id IS NULL",
    "changed": "a.fingerprint <> b.fingerprint",
    "same": "a.fingerprint = b.fingerprint",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """How many rows are of a kind, and the ids of the first of them."""

    kind: str
    rows: int
    first: tuple[str, ...]


def differences(old: Version, new: Version) -> list[Difference]:
    """Rows of `old` that are gone, rows that are new, changed, and the same, by id and fingerprint."""
    with store().query() as connection:
        for name, version in (("a", old), ("b", new)):
            _offer(connection, name, version)
        return [_difference(connection, kind, condition) for kind, condition in KINDS.items()]


def _offer(connection: Any, name: str, version: Version) -> None:
    reader = pa.RecordBatchReader.from_batches(COLUMNS, version.batches(COLUMNS.names))
    connection.register("read", reader)
    connection.execute(f"CREATE TEMP TABLE {name} AS SELECT * FROM read")
    connection.unregister("read")


def _difference(connection: Any, kind: str, condition: str) -> Difference:
    joined = f"FROM a FULL JOIN b ON a.id = b.id WHERE {condition}"
    ((rows,),) = connection.execute(f"SELECT count(*) {joined}").fetchall()
    query = f"SELECT coalesce(a.id, b.id) AS id {joined} ORDER BY 1 LIMIT {SHOWN}"
    first = [] if kind == "same" else connection.execute(query).fetchall()
    return Difference(kind, rows, tuple(row[0] for row in first))
