"""
Tokens of rows, counted by a tokenizer of one's own: a `tokenizer.json` of the Hugging Face library, read from a file.

All that is said, thought and called is counted, as it stands: chat templates and special tokens are the trainer's.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import tokenizers

from curation.engine.errors import BadInput
from curation.engine.exploring.attributes import Turns, answers, conversation

FIELDS = ("content", "thinking", "tool_calls")
COLUMNS = ["messages", "completions"]
TEXTS = 1_000  # that are encoded at once
LARGEST_FILE = 512 << 20


class Tokenizer:
    """A tokenizer and the sha256 of its file. BadInput when the file is none."""

    def __init__(self, path: Path) -> None:
        if path.stat().st_size > LARGEST_FILE:
            raise BadInput(f"{path.name} is larger than {LARGEST_FILE >> 20} MiB; that is no tokenizer.json")
        data = path.read_bytes()
        self.sha256 = hashlib.sha256(data).hexdigest()
        try:
            self._model: Any = tokenizers.Tokenizer.from_buffer(data)
        except Exception as error:  # the library raises nothing more precise
            raise BadInput(f"{path.name} cannot be read as a tokenizer.json: {error}") from None
        self._model.no_truncation()
        self._model.no_padding()

    def count(self, texts: Sequence[str]) -> list[int]:
        encoded = self._model.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(one) for one in encoded]

    def of_rows(self, batch: pa.RecordBatch) -> np.ndarray:
        """The tokens of each record, int64."""
        both: np.ndarray = self._of(conversation(batch)) + self._of(answers(batch))
        return both

    def _of(self, turns: Turns) -> np.ndarray:
        total = np.zeros(len(turns.flat), np.int64)
        for name in FIELDS:
            at = np.flatnonzero(turns.has(name))
            texts = turns.field(name).take(pa.array(at))
            for first in range(0, len(at), TEXTS):
                some = texts.slice(first, TEXTS).to_pylist()
                total[at[first : first + TEXTS]] += self.count(some)
        return turns.per_row(total)
