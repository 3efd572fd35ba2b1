"""
The turns of a batch of records, addressed by position: what a profile does with a conversation (append an
answer, cut it off, compare two sides) becomes arithmetic on ranges, and texts are copied once, at the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.exporters.calls import parse_calls

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
THINK = ("<think>\n", "\n</think>\n\n")


@dataclass(frozen=True, slots=True)
class Turns:
    """
    A list of turns for every row: `count[i, s]` turns of the pool from `first[i, s]` on, for each segment s
    in turn. Both arrays have the shape (rows, segments).
    """

    first: Ints
    count: Ints

    def __len__(self) -> int:
        return len(self.first)

    @property
    def lengths(self) -> Ints:
        """Turns in each row."""
        lengths: Ints = self.count.sum(axis=1)
        return lengths

    @property
    def last(self) -> Ints:
        """The position of each row's last turn; -1 for a row without turns."""
        ends = np.where(self.count > 0, self.first + self.count - 1, -1)
        filled = self.count > 0
        column = self.count.shape[1] - 1 - np.argmax(filled[:, ::-1], axis=1)
        last: Ints = ends[np.arange(len(self)), column]
        return last

    def then(self, other: "Turns") -> "Turns":
        """Each row's turns followed by the other's."""
        return Turns(np.hstack([self.first, other.first]), np.hstack([self.count, other.count]))

    def until(self, marked: Mask) -> "Turns":
        """
        Each segment up to and including its last turn that is `marked` (a mask over the pool), or nothing.
        """
        latest = np.concatenate([[-1], np.maximum.accumulate(np.where(marked, np.arange(len(marked)), -1))])
        return Turns(self.first, np.maximum(latest[self.first + self.count] - self.first + 1, 0))

    def beyond(self, prefix: "Turns") -> "Turns":
        """What of each segment follows the same segment of `prefix`, which begins where it does."""
        return Turns(self.first + prefix.count, self.count - prefix.count)

    def behind_first(self, rows: Mask) -> "Turns":
        """The turns without the first one in these rows; the first segment of each of them has one."""
        cut = np.zeros_like(self.count)
        cut[:, 0] = rows
        return Turns(self.first + cut, self.count - cut)

    def where(self, keep: Mask) -> "Turns":
        """The rows for which `keep` is true."""
        return self if keep.all() else Turns(self.first[keep], self.count[keep])

    def at(self, rows: Ints) -> "Turns":
        """The turns of these rows, which may repeat."""
        return Turns(self.first[rows], self.count[rows])

    def places(self) -> Ints:
        """For all turns, row after row: which turn of its row it is, from 0."""
        lengths = self.lengths
        ends = np.cumsum(lengths)
        return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - lengths, lengths)

    def row_has(self, marked: Mask) -> Mask:
        """Whether a row has a turn that is `marked` (a mask over `positions`)."""
        before = np.concatenate([[0], np.cumsum(marked)])
        ends = np.cumsum(self.lengths)
        found: Mask = before[ends] > before[ends - self.lengths]
        return found

    def positions(self) -> Ints:
        """The positions of all turns, row after row."""
        first, count = self.first.ravel(), self.count.ravel()
        ends = np.cumsum(count)
        return np.repeat(first - ends + count, count) + np.arange(ends[-1] if len(ends) else 0)

    def any(self, marked: Mask) -> Mask:
        """Whether a row has a turn that is `marked` (a mask over the pool)."""
        before = np.concatenate([[0], np.cumsum(marked)])
        found: Mask = (before[self.first + self.count] - before[self.first]).sum(axis=1) > 0
        return found


class Pool:
    """All turns of a batch: those of `messages` first, then those of every completion."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        first, count, turns = _lists(batch.column("messages"))
        self.messages = Turns(first[:, None], count[:, None])
        self._first_completion, self.completions, self._made = _lists(batch.column("completions"))
        self._first_turn, self._turn_count, more = _lists(self._made.field("messages"))
        self._first_turn += len(turns)
        self._turns = [turns, more] if len(more) else [turns]
        self._columns: dict[str, pa.Array] = {}
        self._calls: tuple[pa.Array, Mask] | None = None

    def __len__(self) -> int:
        return sum(len(turns) for turns in self._turns)

    def completion(self, index: Ints) -> Turns:
        """The turns of each row's completion number `index`; none where it is out of range."""
        at = self.completion_at(index)
        there = at >= 0
        first, count = np.zeros(len(index), np.int64), np.zeros(len(index), np.int64)
        first[there], count[there] = self._first_turn[at[there]], self._turn_count[at[there]]
        return Turns(first[:, None], count[:, None])

    def completion_at(self, index: Ints) -> Ints:
        """Where in the completions of the batch each row's number `index` is; -1 where it is out of range."""
        there = (index >= 0) & (index < self.completions)
        at: Ints = np.where(there, self._first_completion + index, -1)
        return at

    def score(self, name: str) -> pa.Array:
        """The score of that name of every completion of the batch, null where there is none."""
        return pc.map_lookup(self._made.field("scores"), pa.scalar(name), "first")

    @property
    def steps(self) -> Turns:
        """The turns of all completions of each row, one after the other."""
        ends = np.concatenate([[0], np.cumsum(self._turn_count)])
        first, last = self._first_completion, self._first_completion + self.completions
        start = np.append(self._first_turn, 0)[np.minimum(first, len(self._first_turn))]
        return Turns(start[:, None], (ends[last] - ends[first])[:, None])

    def column(self, name: str) -> pa.Array:
        """A field of MESSAGE for all turns of the pool; `tool_calls` parsed, as a list of CALL."""
        if name == "tool_calls":
            return self.calls[0]
        return self._raw(name)

    @property
    def calls(self) -> tuple[pa.Array, Mask]:
        """Parsed tool calls (null where a turn has none) and the turns whose calls cannot be used."""
        if self._calls is None:
            self._calls = parse_calls(self._raw("tool_calls"))
        return self._calls

    def role(self, name: str) -> Mask:
        """The turns of this role."""
        return _mask(pc.equal(self._raw("role"), name))

    def is_role(self, positions: Ints, name: str) -> Mask:
        """Whether the turn at each position has this role; False for position -1."""
        found: Mask = np.append(self.role(name), False)[positions]
        return found

    @property
    def spoken(self) -> pa.Array:
        """
        The content of all turns with the thinking before it, as LLaMA-Factory and chat templates of reasoning models
        write it (`thought_words` of llamafactory/data/template.py); no content counts as an empty one.
        """
        content = pc.fill_null(self._raw("content"), "")
        thinking = self._raw("thinking")
        if thinking.null_count == len(thinking):
            return content
        thought = pc.binary_join_element_wise(THINK[0], thinking, THINK[1], content, "")
        return pc.if_else(pc.is_valid(thinking), thought, content)

    @property
    def empty(self) -> Mask:
        """
        The turns that say nothing and call nothing. A tool may answer with an empty text, but not with null.
        """
        content = self._raw("content")
        blank = pc.or_(pc.equal(content, ""), pc.utf8_is_space(content))
        says_nothing = _mask(pc.fill_null(blank, True))
        answered = self.role("tool") & _mask(pc.is_valid(content))
        return says_nothing & _mask(pc.is_null(self.calls[0])) & ~answered

    def same(self, one: Turns, other: Turns) -> Mask:
        """Whether two lists of turns say the same in every field."""
        same: Mask = one.lengths == other.lengths
        left, right = one.where(same), other.where(same)
        at, beside = pa.array(left.positions()), pa.array(right.positions())
        differs = np.zeros(len(at), bool)
        for name in ("role", "content", "name", "tool_calls", "thinking"):
            if (column := self._raw(name)).null_count < len(column):
                differs |= _unequal(column.take(at), column.take(beside))
        before = np.concatenate([[0], np.cumsum(differs)])
        ends = np.cumsum(left.lengths)
        same[same] = before[ends] == before[ends - left.lengths]
        return same

    def _raw(self, name: str) -> pa.Array:
        if name not in self._columns:
            parts = [turns.field(name) for turns in self._turns]
            self._columns[name] = parts[0] if len(parts) == 1 else pa.concat_arrays(parts)
        return self._columns[name]


def list_array(columns: Sequence[pa.Array], fields: Sequence[pa.Field], lengths: Ints) -> pa.ListArray:
    """Lists of structs from flat columns; `lengths[i]` of their rows belong to list i."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    structs = pa.StructArray.from_arrays(columns, fields=fields)
    return pa.ListArray.from_arrays(pa.array(offsets), structs)


def _lists(array: pa.ListArray) -> tuple[Ints, Ints, pa.Array]:
    """Where each list starts in the flat values, how long it is, and these values (of this slice only)."""
    offsets = array.offsets.to_numpy().astype(np.int64)
    values = array.values.slice(offsets[0], offsets[-1] - offsets[0])
    counts = np.diff(offsets)
    if array.null_count:
        counts[_mask(pc.is_null(array))] = 0
    return offsets[:-1] - offsets[0], counts, values


def _unequal(one: pa.Array, other: pa.Array) -> Mask:
    equal = pc.fill_null(pc.equal(one, other), False)
    return ~_mask(pc.or_(equal, pc.and_(pc.is_null(one), pc.is_null(other))))


def _mask(array: pa.Array) -> Mask:
    mask: Mask = array.to_numpy(zero_copy_only=False)
    return mask if mask.flags.writeable else mask.copy()
