"""
Which rows of a batch a profile carries, and what of them: its rule drafts rows out of turns, and what no profile may
write, or this one cannot carry, is left out with its reason.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.exporters.calls import parse_tools
from curation.engine.exporters.skips import Skips, Verdicts
from curation.engine.exporters.turns import Ints, Mask, Pool, Turns

NO_MESSAGES = "has no messages"
NO_SUCH_COMPLETION = "chosen or rejected is not one of its completions"
ANSWERED_TWICE = "has a completion, but its messages end with an assistant turn already"
NOT_ANSWERED = "does not end with an assistant turn"
EMPTY = "has a turn without content and without tool calls"
BAD_CALLS = "has tool calls that are not a list of named functions with an object of arguments"
BAD_TOOLS = "has tools that are not a list of JSON objects"
NOT_CARRIED = {
    what: f"has {what.replace('_', ' ')}, which this profile does not carry"
    for what in ("images", "tools", "tool_calls", "thinking")
} | {"name": "has named speakers, which this profile does not carry"}


@dataclass(frozen=True, slots=True)
class Rows:
    """A batch of `SCHEMA` and its turns, as the rules of the profiles see it."""

    batch: pa.RecordBatch
    pool: Pool

    def __len__(self) -> int:
        return int(self.batch.num_rows)

    def index(self, side: str) -> Ints:
        """`chosen` or `rejected` as int64; -1 where there is none."""
        filled: Ints = pc.fill_null(self.batch.column(side), -1).to_numpy().astype("int64")
        return filled

    def given(self, side: str) -> Mask:
        """Whether the field has a value."""
        return mask(pc.is_valid(self.batch.column(side)))

    def out_of_range(self, side: str) -> Mask:
        index = self.index(side)
        return self.given(side) & ((index < 0) | (index >= self.pool.completions))

    def ends_with(self, turns: Turns, role: str) -> Mask:
        return self.pool.is_role(turns.last, role)

    def note(self, column: str, key: str) -> pa.Array:
        """What `labels` or `meta` say under a key, null where they say nothing."""
        return pc.map_lookup(self.batch.column(column), pa.scalar(key), "first")


@dataclass(frozen=True, slots=True)
class Draft:
    """
    What a rule makes of a batch: for every row to be written its lists of turns, the record that it is of (one each
    unless `row` says otherwise) and `columns` aligned with the rows. `fields` replace fields of the pool's turns.
    """

    turns: Sequence[Turns]
    columns: Mapping[str, pa.Array] = field(default_factory=dict)
    row: Ints | None = None
    fields: Mapping[str, pa.Array] = field(default_factory=dict)


Rule = Callable[[Rows, Verdicts], Draft]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What of a batch goes into the export: the kept rows, their turns, and further columns, `id` among them."""

    rows: Rows
    turns: list[Turns]
    columns: Mapping[str, pa.Array]
    fields: Mapping[str, pa.Array]
    skips: Skips

    @property
    def ids(self) -> pa.Array:
        return self.columns["id"]

    def field(self, name: str) -> pa.Array:
        """A field of all turns of the pool."""
        return self.fields[name] if name in self.fields else self.rows.pool.column(name)

    def has_field(self, name: str) -> bool:
        """Whether some turn that is written has a value there."""
        column = self.field(name)
        return column.null_count < len(column) and any(
            column.take(pa.array(turns.positions())).null_count < turns.lengths.sum() for turns in self.turns
        )

    def has(self, name: str) -> bool:
        """Whether a column has a value in some row; an empty list is none."""
        column = self.columns[name]
        if pa.types.is_list(column.type):
            return bool(pc.sum(pc.list_value_length(column)).as_py())
        return bool(column.null_count < len(column))


def choose(batch: pa.RecordBatch, rule: Rule, extras: Mapping[str, str], carries: frozenset[str]) -> Chosen:
    """
    The rows that the rule keeps. `extras` maps columns to fields of the record that go along; what is not in
    `carries` (images, tools, tool_calls, thinking, name) leads to a skip where it occurs.
    """
    rows, verdicts = Rows(batch, Pool(batch)), Verdicts(batch.num_rows)
    draft = rule(rows, verdicts)
    row = np.arange(len(rows)) if draft.row is None else draft.row
    if "images" not in carries:
        verdicts.skip(
            mask(pc.greater(pc.list_value_length(batch.column("images")), 0)), NOT_CARRIED["images"]
        )
    tools, bad_tools = parse_tools(batch.column("tools"))
    for found, reason in _marked(rows, carries):
        for turns in draft.turns:
            verdicts.skip(records_of(row, turns.any(found), len(rows)), reason)
    verdicts.skip(bad_tools, BAD_TOOLS)
    if "tools" not in carries:
        verdicts.skip(mask(pc.is_valid(tools)), NOT_CARRIED["tools"])
    kept = verdicts.keep[row]
    given = {name: tools if source == "tools" else batch.column(source) for name, source in extras.items()}
    columns = {name: _at(column, row[kept]) for name, column in (given | {"id": batch.column("id")}).items()}
    columns |= {name: column.filter(pa.array(kept)) for name, column in draft.columns.items()}
    skips = verdicts.skips(batch.column("id"))
    return Chosen(rows, [turns.where(kept) for turns in draft.turns], columns, draft.fields, skips)


def records_of(row: Ints, marked: Mask, records: int) -> Mask:
    """The records that have a marked row."""
    found = np.zeros(records, bool)
    found[row[marked]] = True
    return found


def mask(array: pa.Array) -> Mask:
    """A column of booleans; null is false."""
    given: Mask = pc.fill_null(array, False).to_numpy(zero_copy_only=False)
    return given


def _marked(rows: Rows, carries: frozenset[str]) -> list[tuple[Mask, str]]:
    """Turns that stop a row, with the reason: the broken ones, then those with something that is not carried."""
    pool = rows.pool
    found = [(pool.calls[1], BAD_CALLS), (pool.empty, EMPTY)]
    for name in ("tool_calls", "thinking", "name"):
        if name not in carries:
            given = mask(pc.is_valid(pool.column(name)))
            # what a tool is called stands in the call that it answers
            found.append((given & ~pool.role("tool") if name == "name" else given, NOT_CARRIED[name]))
    return found


def _at(column: pa.Array, rows: Ints) -> pa.Array:
    whole = len(rows) == len(column) and np.array_equal(rows, np.arange(len(column)))
    return column if whole else column.take(pa.array(rows))
