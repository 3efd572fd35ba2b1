"""
What a row of each export looks like. A profile is data: the columns it has, and the rule that says which
turns of a record make them up. A further profile is another entry of `PROFILES`.

Optional columns (`name`, `tool_calls` and `thinking` of a message, `tools`, `answer` …) are in a file only
when some row of the whole export has a value there, and then in every row of it. A plain chat export has
therefore exactly `{role, content}`, which open-instruct, LLaMA-Factory and every chat template take; a
template that finds a null `tool_calls` in each message may render it. Whether a value occurs is known only
after a pass over all rows, so an export runs twice: `features(profile, batch)` over everything, united, then
`Exporter(profile, features)`.

Row shapes: TRL, docs/source/dataset_formats.md; open-instruct, open_instruct/dataset_transformation.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.errors import BadConfig, BadInput
from curation.engine.exporters.calls import CALLS, parse_tools
from curation.engine.exporters.skips import Skips, Verdicts
from curation.engine.exporters.turns import Ints, Mask, Pool, Turns, list_array

Features = frozenset[str]

ALWAYS = (pa.field("role", pa.string()), pa.field("content", pa.string()))
OPTIONAL = (pa.field("name", pa.string()), pa.field("tool_calls", CALLS), pa.field("thinking", pa.string()))

NO_MESSAGES = "has no messages"
NO_SUCH_COMPLETION = "chosen or rejected is not one of its completions"
NONE_CHOSEN = "has completions, but none is chosen"
NO_PAIR = "has no chosen and rejected completion"
IMAGES = "has images, which this profile does not carry"
ANSWERED_TWICE = "has a completion, but its messages end with an assistant turn already"
NOT_ANSWERED = "does not end with an assistant turn"
NO_USER = "has no user turn"
SAME = "chosen and rejected say the same"
EMPTY = "has a turn without content and without tool calls"
BAD_CALLS = "has tool calls that are not a list of named functions with an object of arguments"
BAD_TOOLS = "has tools that are not a list of JSON objects"


@dataclass(frozen=True, slots=True)
class Rows:
    """A batch of `SCHEMA` and its turns, as the rules of the profiles see it."""

    batch: pa.RecordBatch
    pool: Pool

    def index(self, side: str) -> Ints:
        """`chosen` or `rejected` as int64; -1 where there is none."""
        filled: Ints = pc.fill_null(self.batch.column(side), -1).to_numpy().astype("int64")
        return filled

    def given(self, side: str) -> Mask:
        given: Mask = pc.is_valid(self.batch.column(side)).to_numpy(zero_copy_only=False)
        return given

    def out_of_range(self, side: str) -> Mask:
        index = self.index(side)
        return self.given(side) & ((index < 0) | (index >= self.pool.completions))

    def ends_with(self, turns: Turns, role: str) -> Mask:
        return self.pool.is_role(turns.last, role)


def sft(rows: Rows, verdicts: Verdicts) -> list[Turns]:
    """The whole conversation, with the chosen completion where there is one."""
    messages, chosen = rows.pool.messages, rows.given("chosen")
    whole = messages.then(rows.pool.completion(rows.index("chosen")))
    answered = rows.ends_with(whole, "assistant")
    verdicts.skip(messages.lengths == 0, NO_MESSAGES)
    verdicts.skip(rows.out_of_range("chosen"), NO_SUCH_COMPLETION)
    verdicts.skip(chosen & rows.ends_with(messages, "assistant"), ANSWERED_TWICE)
    verdicts.skip(~chosen & ~answered & (rows.pool.completions > 0), NONE_CHOSEN)
    verdicts.skip(~answered, NOT_ANSWERED)
    return [whole]


def pairs(rows: Rows, verdicts: Verdicts) -> list[Turns]:
    """The messages as prompt, and what the chosen and the rejected completion add to them."""
    prompt = rows.pool.messages
    chosen, rejected = (rows.pool.completion(rows.index(side)) for side in ("chosen", "rejected"))
    verdicts.skip(prompt.lengths == 0, NO_MESSAGES)
    verdicts.skip(rows.out_of_range("chosen") | rows.out_of_range("rejected"), NO_SUCH_COMPLETION)
    verdicts.skip(~(rows.given("chosen") & rows.given("rejected")), NO_PAIR)
    verdicts.skip(rows.ends_with(prompt, "assistant"), ANSWERED_TWICE)
    verdicts.skip(
        ~(rows.ends_with(chosen, "assistant") & rows.ends_with(rejected, "assistant")), NOT_ANSWERED
    )
    verdicts.skip(rows.pool.same(chosen, rejected), SAME)
    return [prompt, chosen, rejected]


def questions(rows: Rows, verdicts: Verdicts) -> list[Turns]:
    """
    The messages up to the last user turn: whatever follows it is an answer and not for the trainer to see.
    """
    messages = rows.pool.messages
    prompt = messages.until(rows.pool.role("user"))
    verdicts.skip(messages.lengths == 0, NO_MESSAGES)
    verdicts.skip(prompt.lengths == 0, NO_USER)
    return [prompt]


@dataclass(frozen=True, slots=True)
class Profile:
    """
    `turns` are the columns that are lists of messages, `rule` gives the turns of each of them and says which
    rows cannot have them, `extras` maps optional columns to fields of the record. `tasks` are Hub task
    categories.
    """

    name: str
    title: str
    turns: tuple[str, ...]
    rule: Callable[[Rows, Verdicts], list[Turns]]
    extras: Mapping[str, str] = field(default_factory=dict)
    tasks: tuple[str, ...] = ()

    @property
    def optional(self) -> Features:
        """The names of all columns that are in a file only when they occur."""
        return frozenset(self.extras) | {one.name for one in OPTIONAL}


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "sft_messages",
            "Conversations for supervised fine-tuning",
            ("messages",),
            sft,
            {"tools": "tools"},
            ("text-generation",),
        ),
        Profile(
            "pref_explicit",
            "Preference pairs with their prompt",
            ("prompt", "chosen", "rejected"),
            pairs,
            {"tools": "tools"},
            ("reinforcement-learning",),
        ),
        Profile(
            "prompts",
            "Prompts for reinforcement learning",
            ("prompt",),
            questions,
            {
                "answer": "ground_truth",
                "verifier": "verifier",
                "constraints": "constraints",
                "tools": "tools",
            },
            ("reinforcement-learning",),
        ),
    )
}


def profile_named(name: str) -> Profile:
    """The profile of that name; BadConfig when there is none."""
    if name not in PROFILES:
        raise BadConfig(f"There is no export profile {name}; there are {', '.join(PROFILES)}")
    return PROFILES[name]


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What of a batch goes into the export: the kept rows, and their turns for each column of messages."""

    rows: Rows
    keep: Mask
    turns: list[Turns]
    extras: dict[str, pa.Array]
    skips: Skips

    def occurring(self, profile: Profile) -> Features:
        """The optional columns that have a value in some kept row."""
        found = {name for name, column in self.extras.items() if column.null_count < len(column)}
        for one in OPTIONAL:
            column = self.rows.pool.column(one.name)
            if column.null_count < len(column):
                used = [pa.array(turns.positions()) for turns in self.turns]
                if any(column.take(at).null_count < len(at) for at in used):
                    found.add(one.name)
        return frozenset(found)


def features(profile: Profile, batch: pa.RecordBatch) -> Features:
    """
    The optional columns of a profile that the rows of a batch have values for; unite them over all batches.
    """
    return _choose(profile, batch).occurring(profile)


@dataclass(frozen=True, slots=True)
class Exporter:
    """
    Records of `SCHEMA` as rows of one profile. `features` are the optional columns that the whole export has,
    so the schema is fixed before the first row. Raises BadConfig for a feature that the profile has not.
    """

    profile: Profile
    features: Features = frozenset()

    def __post_init__(self) -> None:
        if unknown := sorted(self.features - self.profile.optional):
            raise BadConfig(f"{self.profile.name} has no optional column {', '.join(unknown)}")

    @property
    def message(self) -> list[pa.Field]:
        """The fields of a message."""
        return [*ALWAYS, *(one for one in OPTIONAL if one.name in self.features)]

    @property
    def schema(self) -> pa.Schema:
        """Columns of messages, optional columns, `id`."""
        turns = [pa.field(name, pa.list_(pa.struct(self.message))) for name in self.profile.turns]
        extras = [pa.field(name, pa.string()) for name in self.profile.extras if name in self.features]
        return pa.schema([*turns, *extras, pa.field("id", pa.string())])

    def to_batch(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, Skips]:
        """
        The rows of a batch that fit the profile, in order, and what was skipped. Raises BadInput for a value
        in an optional column that is not among `features`, since leaving it out would silently change the
        data.
        """
        chosen = _choose(self.profile, batch)
        if missing := sorted(chosen.occurring(self.profile) - self.features):
            raise BadInput(
                f"Rows have {', '.join(missing)}, but the export was laid out without: look again first"
            )
        columns = {
            name: self._messages(chosen.rows.pool, turns)
            for name, turns in zip(self.profile.turns, chosen.turns, strict=True)
        }
        columns |= chosen.extras | {"id": _kept(batch.column("id"), chosen.keep)}
        schema = self.schema
        return pa.RecordBatch.from_arrays(
            [columns[name] for name in schema.names], schema=schema
        ), chosen.skips

    def _messages(self, pool: Pool, turns: Turns) -> pa.ListArray:
        positions = turns.positions()
        flat = [pool.column(one.name) for one in self.message]
        if not _is_everything(positions, len(pool)):
            at = pa.array(positions)
            flat = [column.take(at) for column in flat]
        return list_array(flat, self.message, turns.lengths)


def _choose(profile: Profile, batch: pa.RecordBatch) -> _Chosen:
    rows, verdicts = Rows(batch, Pool(batch)), Verdicts(batch.num_rows)
    turns = profile.rule(rows, verdicts)
    images = pc.greater(pc.list_value_length(batch.column("images")), 0)
    verdicts.skip(images.to_numpy(zero_copy_only=False), IMAGES)
    for marked, reason in ((rows.pool.calls[1], BAD_CALLS), (rows.pool.empty, EMPTY)):
        for one in turns:
            verdicts.skip(one.any(marked), reason)
    tools, bad_tools = parse_tools(batch.column("tools"))
    verdicts.skip(bad_tools, BAD_TOOLS)
    keep = verdicts.keep
    fields = {
        name: tools if source == "tools" else batch.column(source) for name, source in profile.extras.items()
    }
    return _Chosen(
        rows,
        keep,
        [one.where(keep) for one in turns],
        {name: _kept(column, keep) for name, column in fields.items()},
        verdicts.skips(batch.column("id")),
    )


def _kept(column: pa.Array, keep: Mask) -> pa.Array:
    return column if keep.all() else column.filter(pa.array(keep))


def _is_everything(positions: Ints, size: int) -> bool:
    return np.array_equal(positions, np.arange(size))
