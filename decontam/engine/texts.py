"""Texts as callers have them, as the two buffers that kernels read."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.errors import BadInput
from curation.engine.text.folding import LONGEST
from curation.engine.text.jit import Array

_TEXT = (pa.string(), pa.large_string(), pa.string_view(), pa.null())


def as_chunks(texts: Any) -> list[Any]:
    """
    A list of str (or None) or a pyarrow array of any text type, as `large_string` arrays without nulls.

    Raises BadInput for anything that is not text.
    """
    if not isinstance(texts, pa.Array | pa.ChunkedArray):
        texts = _from_python(texts)
    chunks = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
    return [_to_large(chunk) for chunk in chunks]


def _from_python(texts: Any) -> Any:
    if isinstance(texts, str | bytes):
        raise BadInput("Texts must be a list of strings, not one string")
    values = list(texts)
    try:
        return pa.array(values, pa.large_string())
    except UnicodeEncodeError:  # lone surrogates, which JSON may hold and UTF-8 may not
        raw = [None if text is None else text.encode("utf-8", "surrogatepass") for text in values]
        return pa.array(raw, pa.large_binary()).view(pa.large_string())
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise BadInput(f"Texts must be strings: {error}") from error


def _to_large(chunk: Any) -> Any:
    kind = chunk.type.value_type if pa.types.is_dictionary(chunk.type) else chunk.type
    if kind not in _TEXT:
        raise BadInput(f"Texts must be a column of strings, not of {chunk.type}")
    large = chunk.cast(pa.large_string())
    return pc.fill_null(large, "") if large.null_count else large


def buffers(chunk: Any) -> tuple[Array, Array]:
    """
    UTF-8 bytes and int64 offsets of a `large_string` array without nulls; no copy of the bytes.

    Raises BadInput for a text of 2 GiB or more.
    """
    if len(chunk):
        _, offsets, data = chunk.buffers()
        at = np.frombuffer(offsets, np.int64)[chunk.offset : chunk.offset + len(chunk) + 1]
    else:
        data, at = None, np.zeros(1, np.int64)
    if np.diff(at).max(initial=0) > LONGEST:
        raise BadInput("A text has more than 2 GiB; split it first.")
    raw = np.frombuffer(data or b"", np.uint8)
    raw.flags.writeable = at.flags.writeable = False  # one type of arrays, so that kernels are compiled once
    return raw, at
