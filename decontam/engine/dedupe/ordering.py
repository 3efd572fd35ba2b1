"""Second stage: in which order rows are kept, and which of them say the same."""

from collections.abc import Iterable, Iterator
from itertools import chain

import pyarrow as pa

from decontam.engine.dedupe.spill import MEMORY, Spill

ROWS = pa.schema([("position", pa.int64()), ("rank", pa.int64()), ("first", pa.int64())])
ORDER = "reference DESC, priority, merit DESC, position"
USED = ["position", "reference", "priority", "merit", "digest"]


def order(signed: Iterable[pa.RecordBatch], memory: str = MEMORY) -> Iterator[pa.RecordBatch]:
    """
    Rank every row: of two duplicates that of the lower rank is kept. `first` is the lowest rank of the rows whose
    text is the same; only rows that are their own first go on, so a row repeated a million times is compared once.

    Rows of the reference come first, then by priority of source, merit and position. In the order of `position`.
    """
    schema = None
    with Spill(memory) as spill:
        given = iter(signed)
        head = next(given, None)
        if head is None:
            return
        schema = head.select(USED).schema.remove_metadata()
        batches = (batch.select(USED).cast(schema) for batch in chain([head], given))
        spill.load("rows", schema, batches, "FROM given")
        ranked = f"SELECT position, digest, row_number() OVER (ORDER BY {ORDER}) - 1 AS rank FROM rows"
        spill.run(f"CREATE TEMP TABLE ranked AS {ranked}; DROP TABLE rows")
        spill.run("CREATE TEMP TABLE firsts AS SELECT digest, min(rank) AS first FROM ranked GROUP BY digest")
        yield from spill.batches(
            """SELECT position, rank, CASE WHEN digest IS NULL THEN rank ELSE first END AS first
            FROM ranked LEFT JOIN firsts USING (digest) ORDER BY position""",
            ROWS,
        )
