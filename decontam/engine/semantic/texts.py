"""Texts as callers have them, as Python strings that any encoder takes."""

import re
from typing import Any

from decontam.engine.texts import as_chunks

_surrogate = re.compile("[\ud800-\udfff]")


def as_strings(texts: Any) -> list[str]:
    """
    A list of str (or None) or a pyarrow array of text; None becomes "", and half a surrogate pair U+FFFD.

    Raises BadInput for anything that is not text.
    """
    if isinstance(texts, list | tuple) and all(isinstance(text, str | None) for text in texts):
        return [_surrogate.sub("\ufffd", text) if text else "" for text in texts]
    return [text for chunk in as_chunks(texts) for text in chunk.to_pylist()]
