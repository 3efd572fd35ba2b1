"""Rows that hold conversations: columns that are lists of messages, as TRL and its kin take them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curation.engine.exporters.calls import CALLS
from curation.engine.exporters.choosing import Chosen
from curation.engine.exporters.turns import Turns, list_array

Features = frozenset[str]

ALWAYS = (pa.field("role", pa.string()), pa.field("content", pa.string()))
OPTIONAL = (pa.field("name", pa.string()), pa.field("tool_calls", CALLS), pa.field("thinking", pa.string()))
IMAGES = pa.list_(pa.string())
ID = pa.field("id", pa.string())


@dataclass(frozen=True, slots=True)
class Conversations:
    """
    The columns `turns` of messages, `always` further ones, `extras` when they occur, and `id` unless it is not
    `named`. `message` are the optional fields of a message.
    """

    turns: tuple[str, ...]
    always: tuple[pa.Field, ...] = ()
    extras: tuple[pa.Field, ...] = (pa.field("tools", pa.string()),)
    message: tuple[pa.Field, ...] = OPTIONAL
    named: bool = True

    @property
    def optional(self) -> Features:
        return frozenset(one.name for one in (*self.extras, *self.message))

    def occurring(self, chosen: Chosen) -> Features:
        columns = {one.name for one in self.extras if chosen.has(one.name)}
        return frozenset(columns | {one.name for one in self.message if chosen.has_field(one.name)})

    def schema(self, features: Features) -> pa.Schema:
        kind = pa.list_(pa.struct(self.fields(features)))
        extras = [one for one in self.extras if one.name in features]
        ids = [ID] if self.named else []
        return pa.schema([*(pa.field(name, kind) for name in self.turns), *self.always, *extras, *ids])

    def columns(self, chosen: Chosen, features: Features) -> Mapping[str, pa.Array]:
        fields = self.fields(features)
        made = [messages(chosen, turns, fields) for turns in chosen.turns]
        return dict(chosen.columns) | dict(zip(self.turns, made, strict=True))

    def fields(self, features: Features) -> list[pa.Field]:
        """The fields of a message."""
        return [*ALWAYS, *(one for one in self.message if one.name in features)]


def messages(chosen: Chosen, turns: Turns, fields: Sequence[pa.Field]) -> pa.ListArray:
    """A column of messages with these fields."""
    return list_array(taken(chosen, turns, [one.name for one in fields]), fields, turns.lengths)


def taken(chosen: Chosen, turns: Turns, names: Sequence[str]) -> list[pa.Array]:
    """Fields of the turns of all rows, one after the other."""
    positions = turns.positions()
    flat = [chosen.field(name) for name in names]
    if np.array_equal(positions, np.arange(len(chosen.rows.pool))):
        return flat
    at = pa.array(positions)
    return [column.take(at) for column in flat]
