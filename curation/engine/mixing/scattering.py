"""The chosen rows of an input shard on their way to the output shards, each held once however often it is repeated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curation.engine.mixing.ordering import bucket, order_keys
from curation.engine.mixing.sampling import Counts, chosen_ids, repeated, some_copies


@dataclass(frozen=True, slots=True)
class Scattered:
    """
    The chosen rows of a batch; for each of their copies the row, which copy it is, from 0, and its output shard. A
    copy costs 24 bytes here, and is a row only in the piece that it goes to.
    """

    batch: pa.RecordBatch
    rows: Counts
    nth: Counts
    target: Counts

    @classmethod
    def of(cls, batch: pa.RecordBatch, copies: Counts, seed: int, bounds: Sequence[int]) -> Scattered:
        chosen = copies > 0
        batch, copies = batch.filter(pa.array(chosen)), copies[chosen]
        target = bucket(order_keys(seed, chosen_ids(batch.column("id"), copies)), bounds)
        return cls(batch, *repeated(copies), target)

    def to(self, number: int) -> pa.RecordBatch:
        """The rows of one output shard, in their order here."""
        here = self.target == number
        return some_copies(self.batch, self.rows[here], self.nth[here])


def pieces(scattered: Sequence[Scattered]) -> Iterator[tuple[int, Iterable[pa.RecordBatch]]]:
    """Each output shard that rows go to, in ascending order, with its batches; each is made when it is asked for."""
    every = np.concatenate([np.empty(0, np.int64), *(one.target for one in scattered)])
    for number in np.unique(every).tolist():
        yield number, (one.to(number) for one in scattered)
