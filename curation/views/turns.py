"""A stored record as a page shows it: turns as safe HTML, raw or with what cannot be seen, cut where it is long."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString, mark_safe

from curation.engine.rendering import Shown, show, show_json


@dataclass(frozen=True, slots=True)
class Look:
    """How text is looked at; it stands in the query string."""

    raw: bool = False
    reveal: bool = False
    whole: bool = False

    @classmethod
    def asked(cls, said: Mapping[str, str]) -> "Look":
        return cls(*(said.get(name) == "1" for name in ("raw", "reveal", "whole")))


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a turn. `cut` characters are left out; `invisibles` cannot be seen without asking."""

    name: str
    html: SafeString
    cut: int = 0
    invisibles: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    role: str
    name: str
    blocks: list[Block]


@dataclass(frozen=True, slots=True)
class ShownCompletion:
    key: str
    model: str
    verdict: str
    scores: dict[str, float]
    turns: list[Turn]


@dataclass(frozen=True, slots=True)
class ShownRecord:
    """A record with everything that it holds; what is empty is left out."""

    fields: dict[str, Any]
    turns: list[Turn]
    completions: list[ShownCompletion]
    extras: list[Block]

    @property
    def cut(self) -> int:
        return sum(block.cut for block in self._blocks())

    @property
    def invisibles(self) -> int:
        return sum(block.invisibles for block in self._blocks())

    def _blocks(self) -> Iterator[Block]:
        yield from self.extras
        for turn in (*self.turns, *(turn for one in self.completions for turn in one.turns)):
            yield from turn.blocks


def shown_record(record: Mapping[str, Any], look: Look) -> ShownRecord:
    return ShownRecord(
        fields={**dict(record), "labels": dict(record["labels"]), "meta": dict(record["meta"])},
        turns=[_turn(turn, look) for turn in record["messages"]],
        completions=[_completion(record, place, look) for place in range(len(record["completions"]))],
        extras=list(_extras(record, look)),
    )


def _turn(turn: Mapping[str, Any], look: Look) -> Turn:
    blocks = []
    if turn["thinking"]:
        blocks.append(_block("thinking", _text(turn["thinking"], look)))
    if turn["content"]:
        blocks.append(_block("", _text(turn["content"], look)))
    if turn["tool_calls"]:
        blocks.append(_block("tool calls", _json(turn["tool_calls"], look)))
    return Turn(turn["role"], turn["name"] or "", blocks)


def _completion(record: Mapping[str, Any], place: int, look: Look) -> ShownCompletion:
    one = record["completions"][place]
    verdict = {record["chosen"]: "chosen", record["rejected"]: "rejected"}.get(place, "")
    turns = [_turn(turn, look) for turn in one["messages"]]
    return ShownCompletion(one["key"], one["model"] or "", verdict, dict(one["scores"] or ()), turns)


def _extras(record: Mapping[str, Any], look: Look) -> Iterator[Block]:
    if record["ground_truth"]:
        yield _block("ground truth", _text(record["ground_truth"], look))
    for name in ("constraints", "tools"):
        if record[name]:
            yield _block(name, _json(record[name], look))


def _text(text: str, look: Look) -> Shown:
    return show(text, raw=look.raw, reveal=look.reveal, whole=look.whole)


def _json(text: str, look: Look) -> Shown:
    return _text(text, look) if look.raw else show_json(text, reveal=look.reveal, whole=look.whole)


def _block(name: str, shown: Shown) -> Block:
    return Block(name, mark_safe(shown.html), shown.cut, shown.invisibles)  # made safe by the renderer
