"""
Rules that a ruling became: what holds for every match of a kind, now and in later scans.

A rule never rewrites evidence. It is looked at when matches are shown, foreseen or applied, and what it clears carries
it as the reason why it does not count. A person's ruling on a pair is worth more than any rule, and a rule more than
what a scan suppressed by itself; of several rules about a match, the newest speaks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.errors import BadConfig
from curation.engine.text.words import words
from decontam.engine.apply import CONTAMINATED, FALSE_ALARM
from decontam.engine.evidence import PHRASE_LENGTH

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[\U00020000-\U0003ffff]"
)  # Thai, Lao, Burmese, Khmer, kana, ideographs
VERDICTS = (FALSE_ALARM, CONTAMINATED)
FROZEN = pa.schema(
    [
        pa.field("rule", pa.int64()),
        *(pa.field(name, pa.string()) for name in ("condition", "value", "benchmark", "verdict", "reason")),
    ]
)


class Condition(StrEnum):
    """What a rule asks of a match: to have this cause, this item, or these words in what is shared."""

    CAUSE = "cause"
    ITEM = "item"
    PHRASE = "phrase"

    @property
    def column(self) -> str:
        return "item_fingerprint" if self is Condition.ITEM else self.value


@dataclass(frozen=True, slots=True)
class RuleConfig:
    """
    `value` is the hash of a cause, the fingerprint of an item, or words that the shared phrase contains. An empty
    `benchmark` or `dataset` (the one that is scanned) is any.
    """

    condition: str
    value: str
    verdict: str = FALSE_ALARM
    benchmark: str = ""
    dataset: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        if self.condition not in set(Condition):
            raise BadConfig(f"A rule has no {self.condition!r}; choose one of {', '.join(Condition)}.")
        if self.verdict not in VERDICTS:
            raise BadConfig(f"There is no verdict {self.verdict!r}; choose {' or '.join(VERDICTS)}.")
        if self.condition == Condition.PHRASE:
            object.__setattr__(self, "value", " ".join(words(self.value)))
        if not self.value:
            raise BadConfig("Say which cause, item or phrase the rule is about.")
        if len(self.value) > PHRASE_LENGTH:
            raise BadConfig(f"Of a phrase {PHRASE_LENGTH} characters are kept: give a shorter part of it.")

    @property
    def column(self) -> str:
        return Condition(self.condition).column


@dataclass(frozen=True, slots=True)
class Standing:
    """A rule that holds, with its number."""

    number: int
    config: RuleConfig

    @property
    def reason(self) -> str:
        """As what it clears carries it."""
        return f"rule {self.number}: {self.config.reason}" if self.config.reason else f"rule {self.number}"

    def row(self) -> dict[str, Any]:
        """As it is frozen, by `FROZEN`; its dataset is the one that it is frozen for."""
        return {"rule": self.number} | {name: getattr(self.config, name) for name in FROZEN.names[1:]}

    @classmethod
    def thawed(cls, row: Mapping[str, Any]) -> Standing:
        return cls(row["rule"], RuleConfig(**{name: row[name] for name in FROZEN.names[1:]}))


def columns_for(rules: Iterable[Standing]) -> list[str]:
    """The columns of matches that these rules look at."""
    return sorted({name for rule in rules for name in ("benchmark", rule.config.column)})


def speaks(batch: pa.RecordBatch, rule: RuleConfig) -> np.ndarray:
    """Of which matches a rule says something; its dataset is for the caller to know."""
    column = batch.column(rule.column)
    if rule.condition == Condition.PHRASE:
        told = pc.match_substring(pc.binary_join_element_wise("", column, "", " "), _bounded(rule.value))
    else:
        told = pc.equal(column, rule.value)
    if rule.benchmark:
        told = pc.and_(told, pc.equal(batch.column("benchmark"), rule.benchmark))
    return np.asarray(told.fill_null(False).to_numpy(zero_copy_only=False))


def _bounded(phrase: str) -> str:
    """With the spaces around its words, so that "the" is not found in "other"; not where a script writes none."""
    before, after = ("" if _UNSPACED.match(end) else " " for end in (phrase[0], phrase[-1]))
    return f"{before}{phrase}{after}"


def spoken(batch: pa.RecordBatch, rules: Sequence[Standing]) -> np.ndarray:
    """Position in `rules`, which are in the order of their numbers, of the one that speaks of each match; else -1."""
    found = np.full(batch.num_rows, -1, np.int64)
    for place, rule in enumerate(rules):
        found[speaks(batch, rule.config)] = place
    return found


def under(batches: Iterable[pa.RecordBatch], rules: Sequence[Standing]) -> Iterator[pa.RecordBatch]:
    """Matches with `suppressed` as it is under the rules; they need that column and those of `columns_for`."""
    reasons = [None if rule.config.verdict == CONTAMINATED else rule.reason for rule in rules]
    for batch in batches:
        found = pa.array(spoken(batch, rules))
        told = pc.greater_equal(found, 0)
        said = pa.array(reasons, pa.string()).take(pc.if_else(told, found, None))
        place = batch.schema.get_field_index("suppressed")
        now = pc.if_else(told, said, batch.column(place))
        yield batch.set_column(place, batch.schema.field(place), now)


def convictions(
    found: Callable[[], Iterable[pa.RecordBatch]], rules: Sequence[Standing]
) -> dict[tuple[str, str], str]:
    """
    The pairs of which a rule says that they are contaminated, as rulings; a person's ruling on one replaces it.
    `found` gives the matches with their fingerprints and the columns of `columns_for`, and is asked only if need be.
    """
    guilty = pa.array([rule.config.verdict == CONTAMINATED for rule in rules] + [False])
    if not any(guilty.to_pylist()):
        return {}
    pairs: dict[tuple[str, str], str] = {}
    for batch in found():
        told = batch.filter(guilty.take(pa.array(spoken(batch, rules) % len(guilty))))
        columns = (told.column(name).to_pylist() for name in ("row_fingerprint", "item_fingerprint"))
        pairs |= dict.fromkeys(zip(*columns, strict=True), CONTAMINATED)
    return pairs
