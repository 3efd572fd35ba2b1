"""
Where each row of an export comes from, in a file of its own beside the data: extra columns break strict
loaders.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

PROVENANCE = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("parents", pa.list_(pa.string())),
        pa.field("dataset", pa.string()),
        pa.field("version", pa.int32()),
        pa.field("licence", pa.string()),
        pa.field("fingerprint", pa.string()),
    ]
)


def provenance(
    batch: pa.RecordBatch,
    components: Sequence[str],
    component: npt.NDArray[np.integer],
    licences: Mapping[str, str] | None = None,
) -> pa.RecordBatch:
    """
    One row of `PROVENANCE` for each record. `component[i]` says which of the pinned `components` (like
    "ecqa@2", in the order of the recipe) gave row i; `licences` are those of the sources, for rows without their own.
    """
    names, numbers = zip(*(one.rpartition("@")[::2] for one in components), strict=True)
    at = pa.array(component)
    columns = {name: batch.column(name) for name in ("id", "source", "parents", "licence", "fingerprint")}
    if licences:
        names_of = pa.array(licences.keys(), pa.string())
        theirs = pa.array(licences.values(), pa.string()).take(
            pc.index_in(batch.column("source"), value_set=names_of)
        )
        columns["licence"] = pc.coalesce(columns["licence"], theirs)
    columns["dataset"] = pa.array(names, pa.string()).take(at)
    columns["version"] = pa.array([int(number) for number in numbers], pa.int32()).take(at)
    arrays = [columns[field.name].cast(field.type) for field in PROVENANCE]
    return pa.RecordBatch.from_arrays(arrays, schema=PROVENANCE)
