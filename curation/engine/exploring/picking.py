"""Rows of a version that has no attributes yet: looked at as they are asked for."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from curation.engine.exploring.attributes import attributes
from curation.engine.exploring.reading import groups, holding
from curation.engine.store import Shard, Store


def picked(store: Store, shards: Sequence[Shard], positions: Sequence[int]) -> tuple[dict[str, Any], ...]:
    """The attributes of the rows at these positions, in the order of the positions, worked out from the records."""
    held: dict[int, dict[str, Any]] = {}
    asked = np.array(sorted(positions), np.int64)
    for first, batch in groups(store, shards, None, holding(positions)):
        for at in asked[(asked >= first) & (asked < first + batch.num_rows)].tolist():
            one: pa.RecordBatch = batch.slice(at - first, 1)
            held[at] = attributes(one, at).to_pylist()[0]
    return tuple(held[position] for position in positions if position in held)
