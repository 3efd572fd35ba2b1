"""
Files for OpenAI's fine-tuning, which Together and Fireworks take as well (platform.openai.com/docs/guides/
supervised-fine-tuning, …/direct-preference-optimization). Only JSON lines, without a key that is null or unknown to
the service, hence without an id: line n is the nth row that was not left out.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.exporters import lint
from curation.engine.exporters.calls import CALLS
from curation.engine.exporters.choosing import Chosen, Draft, Rows
from curation.engine.exporters.profiles.conversations import Conversations, Features, messages
from curation.engine.exporters.profiles.preferences import pairs
from curation.engine.exporters.profiles.profile import Group, Profile
from curation.engine.exporters.profiles.sft import TEXT, TOOLS, conversation
from curation.engine.exporters.skips import Verdicts
from curation.engine.exporters.turns import Mask, Turns

UNMATCHED = "has a tool call that no tool turn answers, or a tool turn that answers none"
NOT_ONE_TURN = "has an answer of more than one turn, and a preference here compares single ones"
NAMES = frozenset(("tools", "tool_calls", "name"))
MESSAGE = (
    pa.field("name", pa.string()),
    pa.field("tool_calls", CALLS),
    pa.field("tool_call_id", pa.string()),
)
WEIGHT = pa.field("weight", pa.int64())


def tuned(rows: Rows, verdicts: Verdicts) -> Draft:
    """The conversation; the weights of its turns where the notes of a row keep them."""
    draft = conversation(rows, verdicts)
    (whole,) = draft.turns
    named = _Named(rows)
    verdicts.skip(named.match(whole), UNMATCHED)
    return Draft([whole], fields=named.fields | {"weight": _weights(rows)})


def preferred(rows: Rows, verdicts: Verdicts) -> Draft:
    """The prompt and two single turns."""
    draft = pairs(rows, verdicts)
    prompt, *sides = draft.turns
    named = _Named(rows)
    for side in sides:
        verdicts.skip(side.lengths > 1, NOT_ONE_TURN)
        verdicts.skip(named.match(prompt.then(side)), UNMATCHED)
    return Draft(draft.turns, fields=named.fields)


class _Named:
    """
    Tool calls with an id each, and tool turns with the id that they answer: records keep the order of turns, the
    service wants names. A tool turn answers the first open call of its name, else the first open call.
    """

    def __init__(self, rows: Rows) -> None:
        self.pool = rows.pool
        calls = self.pool.calls[0]
        self.plain = calls.null_count == len(calls) and not self.pool.role("tool").any()
        self.calls: list[Any] = [None] * len(calls) if self.plain else calls.to_pylist()
        self.answered: list[str | None] = [None] * len(calls)
        self.tools = self.pool.role("tool")
        self.names = self.pool.column("name")

    @property
    def fields(self) -> dict[str, pa.Array]:
        calls = self.pool.calls[0] if self.plain else pa.array(self.calls, CALLS)
        return {"tool_calls": calls, "tool_call_id": pa.array(self.answered, pa.string())}

    def match(self, turns: Turns) -> Mask:
        """Give ids to the calls and tool turns of every row; true for the rows where they do not belong together."""
        if self.plain:
            return np.zeros(len(turns), bool)
        ends = np.cumsum(turns.lengths)
        positions = turns.positions().tolist()
        spans = zip((ends - turns.lengths).tolist(), ends.tolist(), strict=True)
        return np.array([not self._match(positions[start:end]) for start, end in spans], bool)

    def _match(self, positions: list[int]) -> bool:
        open_calls: list[tuple[str, str]] = []
        count = 0
        for at in positions:
            if self.tools[at]:
                if not open_calls:
                    return False
                self.answered[at] = self._answer(open_calls, self.names[at].as_py())
            elif open_calls:
                return False
            for call in self.calls[at] or ():
                count += 1
                call["id"] = call["id"] or f"call_{count}"
                open_calls.append((call["function"]["name"], call["id"]))
        return not open_calls or bool(self.calls[positions[-1]])

    @staticmethod
    def _answer(open_calls: list[tuple[str, str]], name: str | None) -> str:
        place = next((i for i, (called, _) in enumerate(open_calls) if called == name), 0)
        return open_calls.pop(place)[1]


def _weights(rows: Rows) -> pa.Array:
    """`weight` 0 or 1 of assistant turns, as an import keeps them in `meta["messages"]`, turn by turn."""
    kept = rows.note("meta", "messages")
    found: list[int | None] = [None] * len(rows.pool)
    told = np.flatnonzero(pc.fill_null(pc.match_substring(kept, '"weight"'), False))
    assistant = rows.pool.role("assistant")
    for row in told.tolist():
        first, count = int(rows.pool.messages.first[row, 0]), int(rows.pool.messages.count[row, 0])
        for at, weight in zip(range(first, first + count), _told(kept[row].as_py(), count), strict=False):
            if assistant[at] and weight in (0, 1):
                found[at] = int(weight)
    return pa.array(found, pa.int64())


def _told(text: str, turns: int) -> Iterator[Any]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(given, list) and len(given) == turns:
        yield from (one.get("weight") if isinstance(one, dict) else None for one in given)


@dataclass(frozen=True, slots=True)
class Compared:
    """OpenAI's preferences: the prompt inside `input`, and two lists of one turn."""

    @property
    def optional(self) -> Features:
        return frozenset(("tools", *(one.name for one in MESSAGE)))

    def occurring(self, chosen: Chosen) -> Features:
        return _CHATS.occurring(chosen)

    def schema(self, features: Features) -> pa.Schema:
        kind = pa.list_(pa.struct(_CHATS.fields(features)))
        tools = [TOOLS] if "tools" in features else []
        asked = pa.struct([pa.field("messages", kind), *tools])
        return pa.schema(
            [
                pa.field("input", asked),
                pa.field("preferred_output", kind),
                pa.field("non_preferred_output", kind),
            ]
        )

    def columns(self, chosen: Chosen, features: Features) -> Mapping[str, pa.Array]:
        fields, schema = _CHATS.fields(features), self.schema(features)
        prompt, best, worst = (messages(chosen, turns, fields) for turns in chosen.turns)
        asked = [prompt, *([chosen.columns["tools"]] if "tools" in features else [])]
        return {
            "input": pa.StructArray.from_arrays(asked, fields=list(schema.field("input").type)),
            "preferred_output": best,
            "non_preferred_output": worst,
        }


_CHATS = Conversations(("messages",), message=MESSAGE, named=False)
JSON_TOOLS = frozenset(("tools",))
WARN = (lint.SYSTEM_LATE, lint.EMPTY_RESULT, lint.NULL_ARGUMENTS)

OPENAI = (
    Profile(
        "openai_sft",
        "Conversations for OpenAI's fine-tuning",
        Group.FINE_TUNING,
        "{messages, [tools]}",
        ("OpenAI", "Together", "Fireworks"),
        tuned,
        Conversations(("messages",), message=(*MESSAGE, WEIGHT), named=False),
        "messages",
        NAMES,
        {"tools": "tools"},
        WARN,
        formats=("jsonl",),
        objects=JSON_TOOLS,
        sparse=True,
        tasks=TEXT,
    ),
    Profile(
        "openai_dpo",
        "Preference pairs for OpenAI's fine-tuning",
        Group.PREFERENCES,
        "{input: {messages, [tools]}, preferred_output, non_preferred_output}",
        ("OpenAI",),
        preferred,
        Compared(),
        lambda row: row["input"]["messages"],
        NAMES,
        {"tools": "tools"},
        WARN,
        formats=("jsonl",),
        objects=JSON_TOOLS,
        sparse=True,
    ),
)
