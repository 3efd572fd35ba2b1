"""Which profiles the rows of a version are likely to fit, before anything is exported."""

from dataclasses import dataclass

import pyarrow as pa

from curation.engine.exporters import PROFILES, survey
from curation.models import Version, store

ROWS = 200


@dataclass(frozen=True, slots=True)
class Fit:
    """Of the first `rows` of a version a profile takes `taken`; `reason` is why most others stay out."""

    rows: int
    taken: int
    reason: str = ""


def fits(version: Version) -> dict[str, Fit]:
    """What each profile makes of the first rows; empty for a version whose files are gone."""
    if version.purged:
        return {}
    batch: pa.RecordBatch | None = next(store().batches(version.shards(), rows=ROWS), None)
    if batch is None:
        return {}
    found = {}
    for name, profile in PROFILES.items():
        skips = survey(profile, batch).skips
        reason = max(skips.counts, key=lambda reason: skips.counts[reason], default="")
        found[name] = Fit(batch.num_rows, batch.num_rows - skips.total, reason)
    return found
