"""
Conversations as LLaMA-Factory reads them: a system prompt apart, then user (or a tool's result) and assistant (or a
call) in turn. It only warns of rows that break this and leaves them out (llamafactory/data/converter.py), so they are
left out here, and counted.
"""

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.exporters.choosing import Chosen, Rows, mask
from curation.engine.exporters.skips import Verdicts
from curation.engine.exporters.turns import THINK, Mask, Pool, Turns, list_array

UNEVEN = "does not alternate between what is asked (or a tool's result) and what is answered (or called)"
SAID_AND_CALLED = "has a turn with both a text and tool calls, which this profile cannot hold in one"
TURN = [pa.field("from", pa.string()), pa.field("value", pa.string())]
TAGS = {"user": "human", "tool": "observation", "assistant": "gpt", "system": "system", "developer": "system"}


def begins_with_system(rows: Rows) -> Mask:
    """The rows whose first turn is a system prompt."""
    messages = rows.pool.messages
    first = np.where(messages.lengths > 0, messages.first[:, 0], -1)
    return rows.pool.is_role(first, "system") | rows.pool.is_role(first, "developer")


def system_of(rows: Rows) -> pa.Array:
    """The system prompt of each row; empty where there is none, as the readers expect."""
    starts = begins_with_system(rows)
    at = pa.array(rows.pool.messages.first[:, 0], mask=~starts)
    return pc.fill_null(rows.pool.column("content").take(at), "")


def alternating(rows: Rows, verdicts: Verdicts, turns: Turns, *, answered: bool, row: Any = None) -> Turns:
    """
    The turns behind the system prompt; rows whose turns do not alternate are skipped, and those that end on the wrong
    side (`answered`: on the assistant's).
    """
    starts = begins_with_system(rows)
    spoken = turns.behind_first(starts if row is None else starts[row])
    asks = rows.pool.role("user") | rows.pool.role("tool")
    at, odd = spoken.positions(), spoken.places() % 2 == 1
    expected = np.where(odd, rows.pool.role("assistant")[at], asks[at])
    wrong = spoken.row_has(~expected) | (spoken.lengths % 2 == (1 if answered else 0))
    skip_rows(verdicts, wrong, row, len(rows), UNEVEN)
    return spoken


def single_voiced(rows: Rows, verdicts: Verdicts, turns: Turns, row: Any = None) -> None:
    """A call is a turn of its own there: rows with a text beside a call are skipped."""
    pool = rows.pool
    content = pc.fill_null(pool.column("content"), "")
    both = mask(pc.and_(pc.is_valid(pool.calls[0]), pc.not_equal(pc.utf8_trim_whitespace(content), "")))
    skip_rows(verdicts, turns.any(both), row, len(rows), SAID_AND_CALLED)


def skip_rows(verdicts: Verdicts, wrong: Mask, row: Any, records: int, reason: str) -> None:
    """Skip the records of rows that are wrong."""
    found = wrong
    if row is not None:
        found = np.zeros(records, bool)
        found[row[wrong]] = True
    verdicts.skip(found, reason)


def values(pool: Pool) -> pa.Array:
    """What each turn says: its thinking and its content, or its calls as JSON."""
    calls = pool.calls[0]
    if calls.null_count == len(calls):
        return pool.spoken
    thinking = pool.column("thinking")
    made = [
        None if given is None else _thought(thinking[i].as_py()) + _json(given)
        for i, given in enumerate(calls.to_pylist())
    ]
    return pc.coalesce(pa.array(made, pa.string()), pool.spoken)


def speakers(pool: Pool) -> pa.Array:
    """`human`, `gpt`, `function_call`, `observation` or `system` for each turn."""
    names = pa.array(list(TAGS.values())).take(pc.index_in(pool.column("role"), pa.array(list(TAGS))))
    return pc.if_else(pc.is_valid(pool.calls[0]), "function_call", names)


def conversations(chosen: Chosen, turns: Turns) -> pa.ListArray:
    """A column of `{from, value}` turns."""
    return list_array(flat(chosen, turns), TURN, turns.lengths)


def one_turn(chosen: Chosen, turns: Turns) -> pa.StructArray:
    """A column of single turns; each row has exactly one."""
    return pa.StructArray.from_arrays(flat(chosen, turns), fields=TURN)


def flat(chosen: Chosen, turns: Turns) -> list[pa.Array]:
    at, pool = pa.array(turns.positions()), chosen.rows.pool
    return [speakers(pool).take(at), values(pool).take(at)]


def _thought(thinking: str | None) -> str:
    return "" if thinking is None else f"{THINK[0]}{thinking}{THINK[1]}"


def _json(calls: list[dict[str, Any]]) -> str:
    """One call as an object, several as a list; arguments number for number as they were written."""
    texts = [
        f'{{"name": {json.dumps(call["function"]["name"], ensure_ascii=False)}, '
        f'"arguments": {call["function"]["arguments"]}}}'
        for call in calls
    ]
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
