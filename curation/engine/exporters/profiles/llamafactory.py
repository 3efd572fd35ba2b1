"""
LLaMA-Factory: files with the `dataset_info.json` that names their columns and tags (llamafactory/data/parser.py).

Plain chats keep `{role, content}`, named in the tags. Where some row of the export has tools, all are sharegpt turns,
with calls and results as turns of their own and JSON as text. Its undocumented "openai" formatting is not used: it
adds a sentence to system prompts.
"""

import json
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.exporters import lint
from curation.engine.exporters.calls import complete_tools
from curation.engine.exporters.choosing import Chosen, Draft, Rows
from curation.engine.exporters.profiles.conversations import ALWAYS, ID, Features
from curation.engine.exporters.profiles.preferences import judged, pairs
from curation.engine.exporters.profiles.profile import Group, Profile
from curation.engine.exporters.profiles.sft import TEXT, TOOLS, conversation
from curation.engine.exporters.profiles.sharegpt import (
    TURN,
    alternating,
    conversations,
    one_turn,
    single_voiced,
    system_of,
)
from curation.engine.exporters.skips import Verdicts
from curation.engine.exporters.turns import list_array

NOT_ONE_TURN = "has an answer of more than one turn, and this profile compares single ones"
SYSTEM = pa.field("system", pa.string())
TURNS = pa.field("conversations", pa.list_(pa.struct(TURN)))
CARRIES = frozenset(("tools", "tool_calls", "thinking"))
PLAIN_TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "observation_tag": "tool",
    "function_tag": "function_call",
    "system_tag": "system",
}
USERS = {"human": "user", "gpt": "assistant", "observation": "tool", "function_call": "assistant"}


def chats(rows: Rows, verdicts: Verdicts) -> Draft:
    """Whole conversations; the system prompt apart, though plain chats get it back as their first turn."""
    (whole,) = conversation(rows, verdicts).turns
    single_voiced(rows, verdicts, whole)
    spoken = alternating(rows, verdicts, whole, answered=True)
    return Draft([whole, spoken], {"system": system_of(rows)})


def compared(rows: Rows, verdicts: Verdicts) -> Draft:
    prompt, *sides = pairs(rows, verdicts).turns
    for side in sides:
        verdicts.skip(side.lengths > 1, NOT_ONE_TURN)
        single_voiced(rows, verdicts, side)
    single_voiced(rows, verdicts, prompt)
    spoken = alternating(rows, verdicts, prompt, answered=False)
    return Draft([spoken, *sides], {"system": system_of(rows)})


def rated(rows: Rows, verdicts: Verdicts) -> Draft:
    draft = judged(rows, verdicts)
    whole, row = draft.turns[0].then(draft.turns[1]), draft.row
    single_voiced(rows, verdicts, whole, row)
    spoken = alternating(rows, verdicts, whole, answered=True, row=row)
    columns = {"kto_tag": draft.columns["label"], "system": system_of(rows).take(pa.array(row))}
    return Draft([spoken], columns, row)


@dataclass(frozen=True, slots=True)
class Sharegpt:
    """`conversations`, then single turns, `system`, `tools` when they occur, `also` further columns, and `id`."""

    answers: tuple[str, ...] = ()
    also: tuple[pa.Field, ...] = ()

    @property
    def optional(self) -> Features:
        return frozenset(("tools",))

    def occurring(self, chosen: Chosen) -> Features:
        return frozenset(("tools",)) if chosen.has("tools") or chosen.has_field("tool_calls") else frozenset()

    def schema(self, features: Features) -> pa.Schema:
        answers = [pa.field(name, pa.struct(TURN)) for name in self.answers]
        tools = [TOOLS] if "tools" in features else []
        return pa.schema([TURNS, *answers, *self.also, SYSTEM, *tools, ID])

    def columns(self, chosen: Chosen, features: Features) -> Mapping[str, pa.Array]:
        spoken, *answers = chosen.turns
        made = {name: one_turn(chosen, turns) for name, turns in zip(self.answers, answers, strict=True)}
        made |= {"conversations": conversations(chosen, spoken)}
        tools = complete_tools(
            chosen.columns["tools"]
        )  # its tool_utils.py reads parameters.properties of each
        return dict(chosen.columns) | made | {"tools": pc.fill_null(tools, "")}


@dataclass(frozen=True, slots=True)
class Chats:
    """`messages` of `{role, content}` as long as no row has tools; the layout of `Sharegpt` when one has."""

    @property
    def optional(self) -> Features:
        return TALKING.optional

    def occurring(self, chosen: Chosen) -> Features:
        return TALKING.occurring(chosen)

    def schema(self, features: Features) -> pa.Schema:
        kind = pa.list_(pa.struct(ALWAYS))
        return TALKING.schema(features) if features else pa.schema([pa.field("messages", kind), ID])

    def columns(self, chosen: Chosen, features: Features) -> Mapping[str, pa.Array]:
        whole, spoken = chosen.turns
        if features:
            only = Chosen(chosen.rows, [spoken], chosen.columns, chosen.fields, chosen.skips)
            return TALKING.columns(only, features)
        at, pool = pa.array(whole.positions()), chosen.rows.pool
        role = pool.column("role").take(at)
        said = [pc.if_else(pc.equal(role, "developer"), "system", role), pool.spoken.take(at)]
        return dict(chosen.columns) | {"messages": list_array(said, ALWAYS, whole.lengths)}


TALKING = Sharegpt()


def asked(row: Mapping[str, Any]) -> list[dict[str, str]]:
    """The turns of a row of any of these profiles."""
    if "messages" in row:
        return list(row["messages"])
    return [{"role": USERS[turn["from"]], "content": turn["value"]} for turn in row["conversations"]]


def papers(kind: str) -> Any:
    """The `dataset_info.json` of a profile, as a function of the export's name, its features and its data files."""

    def written(name: str, features: Features, paths: Sequence[str]) -> dict[str, str]:
        folder = posixpath.dirname(posixpath.dirname(paths[0]))
        file_name = paths[0] if len(paths) == 1 else posixpath.dirname(paths[0])
        entry = {"file_name": posixpath.relpath(file_name, folder or ".")} | _entry(kind, features)
        text = json.dumps({f"{name.replace('-', '_')}_{kind}": entry}, indent=2, ensure_ascii=False)
        return {posixpath.join(folder, "dataset_info.json"): text + "\n"}

    return written


def _entry(kind: str, features: Features) -> dict[str, Any]:
    if kind == "sft" and not features:
        return {"formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": PLAIN_TAGS}
    columns = {"messages": "conversations", "system": "system"}
    columns |= {"tools": "tools"} if features else {}
    if kind == "preference":
        columns |= {"chosen": "chosen", "rejected": "rejected"}
        return {"formatting": "sharegpt", "ranking": True, "columns": columns}
    return {"formatting": "sharegpt", "columns": columns | ({"kto_tag": "kto_tag"} if kind == "kto" else {})}


def _profile(kind: str, title: str, group: Group, row: str, **parts: Any) -> Profile:
    return Profile(
        f"llamafactory_{kind}",
        title,
        group,
        row,
        ("LLaMA-Factory",),
        asked=asked,
        carries=CARRIES,
        extras={"tools": "tools"},
        warn=(lint.EMPTY_RESULT, lint.NULL_ARGUMENTS),
        formats=("jsonl",),
        objects=frozenset(),
        papers=papers(kind),
        **parts,
    )


LLAMA_FACTORY = (
    _profile(
        "sft",
        "Conversations for LLaMA-Factory",
        Group.FINE_TUNING,
        "{messages, id}, or with tools {conversations, system, tools, id}; dataset_info.json beside",
        rule=chats,
        layout=Chats(),
        tasks=TEXT,
    ),
    _profile(
        "preference",
        "Preference pairs for LLaMA-Factory",
        Group.PREFERENCES,
        "{conversations, chosen, rejected, system, [tools], id}; dataset_info.json beside",
        rule=compared,
        layout=Sharegpt(("chosen", "rejected")),
    ),
    _profile(
        "kto",
        "Judged answers for LLaMA-Factory",
        Group.PREFERENCES,
        "{conversations, kto_tag, system, [tools], id}, two rows for a pair; dataset_info.json beside",
        rule=rated,
        layout=Sharegpt(also=(pa.field("kto_tag", pa.bool_()),)),
    ),
)
