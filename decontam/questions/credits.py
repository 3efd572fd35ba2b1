"""Which method of a scan found what; kept for as long as the same matches are suppressed."""

from collections.abc import Iterator
from hashlib import sha256

import numpy as np
import pyarrow as pa
from django.core.cache import cache

from curation.models import Run, Version, store
from decontam.engine.credit import COLUMNS, LOOKED_AT, Credit, credit
from decontam.questions.ledgers import ledger
from decontam.questions.scans import output


def credits_of(scan: Run) -> list[Credit]:
    """By method, the most literal first; what is suppressed now is counted apart, as the table of matches shows it."""
    matches, suppressed = output(scan, "matches"), ledger(scan).suppressed(slice(None))
    said = store().full(matches.manifest_path).encode() + np.packbits(suppressed).tobytes()
    key = f"credits-{sha256(said).hexdigest()}"
    found: list[Credit] | None = cache.get(key)
    if found is None:
        found = credit(_beside(matches, suppressed))
        cache.set(key, found, timeout=None)
    return found


def _beside(matches: Version, suppressed: np.ndarray) -> Iterator[pa.RecordBatch]:
    done = 0
    for batch in matches.batches(COLUMNS):
        here = suppressed[done : (done := done + batch.num_rows)]
        yield pa.RecordBatch.from_arrays([*batch.columns, pa.array(here)], schema=LOOKED_AT)
