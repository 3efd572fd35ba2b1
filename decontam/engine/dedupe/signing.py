"""First stage: each row as a digest of its text and the bands of its signature."""

import hashlib
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from curation.engine.text.folding import folded_size, squeeze
from curation.engine.text.jit import Array, kernel
from curation.engine.text.words import code_points
from decontam.engine.dedupe.config import DedupeConfig
from decontam.engine.dedupe.keys import key_texts, merits, priorities
from decontam.engine.signatures import as_one, sign
from decontam.engine.texts import buffers

DIGEST = 16


def signed_schema(config: DedupeConfig) -> pa.Schema:
    """
    One row per record. `position` counts through all versions; `digest` is null for an empty text, and the bands,
    which are slices of the signature (little-endian uint32), for a text without words. The metadata is the `Scheme`.
    """
    bands, width = config.banding if config.near else (0, 0)
    return pa.schema(
        [
            ("position", pa.int64()),
            ("record_id", pa.string()),
            ("source", pa.string()),
            ("reference", pa.bool_()),
            ("priority", pa.int64()),
            ("merit", pa.float64()),
            ("digest", pa.binary(DIGEST)),
            *((band_name(k), pa.binary(4 * width)) for k in range(bands)),
        ],
        config.scheme.dump(),
    )


def band_name(number: int) -> str:
    return f"band_{number:02}"


def sign_records(
    records: pa.RecordBatch, first: int, config: DedupeConfig, *, reference: bool = False
) -> pa.RecordBatch:
    """A batch of records (see `keys.columns`), of which the first one is at position `first`."""
    texts = key_texts(records, config.key)
    named = records.column("id"), records.column("source")
    return sign_texts(texts, *named, merits(records, texts, config), first, config, reference=reference)


def sign_texts(
    texts: Any,
    ids: Any,
    sources: Any,
    merit: Array,
    first: int,
    config: DedupeConfig,
    *,
    reference: bool = False,
) -> pa.RecordBatch:
    """The rows of `signed_schema` for some texts."""
    texts, schema = as_one(texts), signed_schema(config)
    columns = [
        pa.array(np.arange(first, first + len(texts))),
        ids,
        sources,
        pa.array(np.full(len(texts), reference)),
        priorities(sources, config.sources),
        pa.array(merit),
        digests(texts),
        *(_bands(texts, config) if config.near else ()),
    ]
    return pa.RecordBatch.from_arrays(
        [c.cast(f.type) for c, f in zip(columns, schema, strict=True)], schema=schema
    )


def digests(texts: pa.Array) -> pa.Array:
    """BLAKE2b of each text without case and repeated white space; null for an empty one."""
    data, at = buffers(texts)
    squeezed = np.empty(folded_size(int(at[-1] - at[0])) if len(texts) else 0, np.uint8)
    ends = np.zeros(len(texts) + 1, np.int64)
    squeeze_texts(data, at, code_points(), squeezed, ends)
    view, bounds = squeezed.data, ends.tolist()
    made = [
        hashlib.blake2b(view[start:end], digest_size=DIGEST).digest() if end > start else None
        for start, end in pairwise(bounds)
    ]
    return pa.array(made, pa.binary(DIGEST))


@kernel
def squeeze_texts(data: Any, offsets: Any, table: Any, out: Any, ends: Any) -> None:
    """Squeeze one text behind the other; text k is out[ends[k]:ends[k + 1]]."""
    for row in range(len(offsets) - 1):
        ends[row + 1] = ends[row] + squeeze(data, offsets[row], offsets[row + 1], table, out, ends[row])


def _bands(texts: pa.Array, config: DedupeConfig) -> list[pa.Array]:
    bands, width = config.banding
    signed = sign(texts, config.scheme)
    valid = pa.py_buffer(np.packbits(signed.shingles > 0, bitorder="little").tobytes())
    made = []
    for k in range(bands):
        values = np.ascontiguousarray(signed.values[:, k * width : (k + 1) * width], "<u4")
        made.append(pa.Array.from_buffers(pa.binary(4 * width), len(texts), [valid, pa.py_buffer(values)]))
    return made
