"""
What a profile is: data, a rule that drafts its rows, and a layout that gives them their columns.

Optional columns (`name`, `tool_calls` and `thinking` of a message, `tools`, `images`, `answer` …) are in a file only
when some row of the whole export has a value there, and then in every row of it. A plain chat export has therefore
exactly `{role, content}`, which open-instruct, LLaMA-Factory and every chat template take; a template that finds a
null `tool_calls` in each message may render it. Whether a value occurs is known only after a pass over all rows, so
an export runs twice: `survey(profile, batch)` over everything, united, then `Exporter(profile, features)`.
"""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import orjson
import pyarrow as pa

from curation.engine.errors import BadConfig, BadInput
from curation.engine.exporters.choosing import Chosen, Rule, choose
from curation.engine.exporters.files import JSON_TEXT, Target, Written, write_jsonl, write_parquet
from curation.engine.exporters.lint import Warn, warnings
from curation.engine.exporters.skips import Skips
from curation.engine.exporters.validating import validate

Features = frozenset[str]
Asked = Callable[[Mapping[str, Any]], Sequence[Mapping[str, Any]]]

FORMATS = ("parquet", "jsonl")
CHECKED = 20  # rows of each shard that are read as their reader will


class Group(StrEnum):
    """What a profile is trained with, as the form puts them."""

    FINE_TUNING = "Fine-tuning"
    PREFERENCES = "Preferences"
    REWARDS = "Rewards and reinforcement learning"


class Layout(Protocol):
    """How drafted rows become columns."""

    @property
    def optional(self) -> Features:
        """The names of all columns that are in a file only when they occur."""

    def occurring(self, chosen: Chosen) -> Features:
        """Those of them that have a value in some row."""

    def schema(self, features: Features) -> pa.Schema:
        """The columns of an export with these features."""

    def columns(self, chosen: Chosen, features: Features) -> Mapping[str, pa.Array]:
        """The columns of the schema, by name."""


@dataclass(frozen=True, slots=True)
class Profile:
    """
    `row` is the shape in one line, `readers` are who loads it, `asked` gives the turns that a row puts before a model
    (a column of messages, or a function of the row), `carries` what of a record has a place in it, `extras` maps
    columns to fields of the record, `warn` is what its readers stumble over. In JSON lines `objects` are JSON values
    and not texts, whatever is asked for; `sparse` leaves nulls out. `papers` are files beside the data: from the name
    of the export, its features and its data files. `tasks` are Hub task categories.
    """

    name: str
    title: str
    group: Group
    row: str
    readers: tuple[str, ...]
    rule: Rule
    layout: Layout
    asked: str | Asked
    carries: frozenset[str] = frozenset(("tools", "tool_calls", "thinking", "name"))
    extras: Mapping[str, str] = field(default_factory=dict)
    warn: tuple[Warn, ...] = ()
    formats: tuple[str, ...] = FORMATS
    objects: frozenset[str] | None = None
    sparse: bool = False
    papers: Callable[[str, Features, Sequence[str]], Mapping[str, str]] | None = None
    tasks: tuple[str, ...] = ("reinforcement-learning",)

    @property
    def optional(self) -> Features:
        """The names of all columns that are in a file only when they occur."""
        return self.layout.optional

    @property
    def turns(self) -> tuple[str, ...]:
        """The columns that are lists of messages, where the rows have such."""
        return getattr(self.layout, "turns", ())


@dataclass(frozen=True, slots=True)
class Survey:
    """What a look at a batch shows before it is written."""

    features: Features
    warnings: Skips
    skips: Skips


def survey(profile: Profile, batch: pa.RecordBatch, *, first: bool = False) -> Survey:
    """Features to unite and warnings to add up over all batches; the `first` batch begins the export."""
    chosen = _chosen(profile, batch)
    found = warnings(profile.warn, chosen, first=first)
    return Survey(profile.layout.occurring(chosen), found, chosen.skips)


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
    def schema(self) -> pa.Schema:
        """The columns of the profile with the optional ones that occur."""
        return self.profile.layout.schema(self.features)

    def to_batch(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, Skips]:
        """
        The rows of a batch that fit the profile, in order, and what was skipped. Raises BadInput for a value
        in an optional column that is not among `features`, since leaving it out would silently change the
        data.
        """
        chosen, layout, schema = _chosen(self.profile, batch), self.profile.layout, self.schema
        if missing := sorted(layout.occurring(chosen) - self.features):
            raise BadInput(
                f"Rows have {', '.join(missing)}, but the export was laid out without: look again first"
            )
        columns = layout.columns(chosen, self.features)
        arrays = [columns[name] for name in schema.names]
        return pa.RecordBatch.from_arrays(arrays, schema=schema), chosen.skips

    def write(
        self,
        target: Target,
        suffix: str,
        rows: Iterable[pa.RecordBatch],
        *,
        tool_arguments: str = "string",
    ) -> Written:
        """A file of rows that `to_batch` made. `tool_arguments` says what JSON lines hold: "string" or "object"."""
        if suffix == "parquet":
            return write_parquet(target, rows, self.schema)
        return write_jsonl(
            target, rows, self.schema, objects=self.objects(tool_arguments), sparse=self.profile.sparse
        )

    def rows(self, suffix: str, batch: pa.RecordBatch, *, tool_arguments: str = "string") -> list[Any]:
        """Rows that `to_batch` made as a reader of the file finds them."""
        if suffix == "parquet":
            rows: list[Any] = batch.to_pylist()
            return rows
        file = _Kept()
        self.write(file, suffix, [batch], tool_arguments=tool_arguments)
        return [orjson.loads(line) for line in file.text.splitlines()]

    def check(self, suffix: str, batch: pa.RecordBatch, *, tool_arguments: str = "string") -> str:
        """What is wrong with the first rows of a batch, by the schema of the reader: nothing, unless we are."""
        rows = self.rows(suffix, batch.slice(0, CHECKED), tool_arguments=tool_arguments)
        for number, problem in validate(self.profile.name, rows):
            row = (
                rows[number].get("id")
                or rows[number].get("extra_info", {}).get("id")
                or f"number {number + 1}"
            )
            return f"{self.profile.name} as {suffix}: row {row} {problem}"
        return ""

    def objects(self, tool_arguments: str) -> frozenset[str]:
        """The fields that JSON lines hold as JSON values instead of JSON texts."""
        asked_for = JSON_TEXT if tool_arguments == "object" else frozenset[str]()
        return asked_for if self.profile.objects is None else self.profile.objects

    def inferred(self, formats: Sequence[str], tool_arguments: str) -> bool:
        """Whether there are only files whose columns differ from the schema: readers find out their types."""
        differs = self.profile.sparse or bool(self.objects(tool_arguments))
        return differs and "parquet" not in formats


class _Kept(io.BytesIO):
    """A file whose text outlives its closing."""

    text = b""

    def close(self) -> None:
        self.text = self.getvalue()
        super().close()


def _chosen(profile: Profile, batch: pa.RecordBatch) -> Chosen:
    return choose(batch, profile.rule, profile.extras, profile.carries)
