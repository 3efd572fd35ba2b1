"""
Question and answer in columns of text (github.com/tatsu-lab/stanford_alpaca; with `system` and `history` as
LLaMA-Factory has them, data/README.md). The last question is the instruction, what was said before it the history.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from curation.engine.exporters import lint
from curation.engine.exporters.choosing import Chosen, Draft, Rows
from curation.engine.exporters.profiles.conversations import ID
from curation.engine.exporters.profiles.plain import Plain
from curation.engine.exporters.profiles.profile import Group, Profile
from curation.engine.exporters.profiles.sft import TEXT, conversation
from curation.engine.exporters.profiles.sharegpt import UNEVEN, alternating, system_of
from curation.engine.exporters.skips import Verdicts
from curation.engine.exporters.turns import Turns

SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("instruction", "input", "output", "system")),
        pa.field("history", pa.list_(pa.list_(pa.string()))),
        ID,
    ]
)


def instructed(rows: Rows, verdicts: Verdicts) -> Draft:
    """Everything before the last question and answer, these two, and the system prompt."""
    (whole,) = conversation(rows, verdicts).turns
    verdicts.skip(whole.any(rows.pool.role("tool")), UNEVEN)
    spoken = alternating(rows, verdicts, whole, answered=True)
    return Draft([spoken], {"system": system_of(rows)})


def _columns(chosen: Chosen) -> Mapping[str, pa.Array]:
    """`input` is empty, as records do not part an instruction from what it is about."""
    (spoken,), said = chosen.turns, chosen.rows.pool.spoken
    at, ends = spoken.positions(), np.cumsum(spoken.lengths)
    before = _before(spoken)
    return {
        "instruction": said.take(pa.array(at[ends - 2])),
        "input": pa.repeat("", len(spoken)),
        "output": said.take(pa.array(at[ends - 1])),
        "history": _in_twos(said.take(pa.array(at[before])), (spoken.lengths - 2) // 2),
    }


def _before(spoken: Turns) -> Any:
    """Which turns come before the last two of their row."""
    return spoken.places() < np.repeat(spoken.lengths - 2, spoken.lengths)


def _in_twos(texts: pa.Array, pairs: Any) -> pa.ListArray:
    """Lists of [question, answer]; `pairs[i]` of them belong to row i."""
    inner = pa.ListArray.from_arrays(pa.array(np.arange(0, len(texts) + 1, 2), pa.int32()), texts)
    return pa.ListArray.from_arrays(pa.array(np.concatenate([[0], np.cumsum(pairs)]).astype(np.int32)), inner)


def asked(row: Mapping[str, Any]) -> list[dict[str, str]]:
    """The questions of a row, the last one with its input."""
    last = "\n".join(part for part in (row["instruction"], row["input"]) if part)
    return [{"role": "user", "content": said} for said in (*(pair[0] for pair in row["history"]), last)]


ALPACA = Profile(
    "alpaca",
    "Instructions and outputs as plain columns",
    Group.FINE_TUNING,
    "{instruction, input, output, system, history, id}",
    ("LLaMA-Factory", "Axolotl"),
    instructed,
    Plain(SCHEMA, _columns),
    asked,
    frozenset(("thinking",)),
    warn=(lint.HAS_PAST, lint.LARGE),
    tasks=TEXT,
)
