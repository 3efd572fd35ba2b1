"""
Matches of an earlier scan that hold for a later one, because row and item are the same.

What `exact` and `ngram` find of a row and an item depends on these two only; so an item of equal fingerprint keeps its
matches, whatever else a new version of its benchmark adds, drops or moves.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Places = Mapping[str, Sequence[str]]  # ids of a benchmark's items by fingerprint, in the order of the items


def places(ids: Iterable[str], fingerprints: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for item, fingerprint in zip(ids, fingerprints, strict=True):
        found.setdefault(fingerprint, []).append(item)
    return found


def renaming(before: Mapping[str, Places], now: Mapping[str, Places]) -> dict[tuple[str, str], list[str]]:
    """
    For one item of each fingerprint that both sides have the ids that it has now, by benchmark and earlier id: where
    several items are equal the first stands for all.
    """
    return {
        (benchmark, ids[0]): list(now[benchmark][fingerprint])
        for benchmark, known in before.items()
        for fingerprint, ids in known.items()
        if fingerprint in now.get(benchmark, {})
    }


def carry_over(
    matches: Iterable[pa.RecordBatch], renamed: Mapping[tuple[str, str], Sequence[str]]
) -> Iterator[pa.RecordBatch]:
    """Those of `MATCHES` whose item is still there, once for each id that it has now; the numbers go."""
    for batch in matches:
        items = zip(*(batch.column(name).to_pylist() for name in ("benchmark", "item_id")), strict=True)
        now = [renamed.get(item, ()) for item in items]
        kept = batch.take(pa.array(np.repeat(np.arange(len(now)), [len(ids) for ids in now])))
        ids = pa.array([one for ids in now for one in ids], pa.string())
        columns = {name: kept.column(name) for name in kept.schema.names}
        columns |= {"item_id": ids, "seq": pa.nulls(len(ids), pa.int64())}
        yield pa.RecordBatch.from_pydict(columns, schema=kept.schema)


def unlike(fingerprints: Iterable[str], known: Places) -> pa.Array:
    """A mask of the items whose fingerprint is not known."""
    return pc.invert(
        pc.is_in(pa.array(fingerprints, pa.string()), value_set=pa.array(list(known), pa.string()))
    )
