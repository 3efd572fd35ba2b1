"""What counts as a duplicate, which row of several stays, and how much a source may lose."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from curation.engine.errors import BadConfig
from decontam.engine.signatures import Scheme

SURE = 0.9999  # of the pairs exactly at the threshold, so many share a band
PERMUTATIONS = 128


class Key(StrEnum):
    """Which text of a record is compared: all turns but the assistant's, the answers, or all of it."""

    PROMPT = "prompt"
    RESPONSE = "response"
    BOTH = "both"


class Keep(StrEnum):
    """Which of several equal rows stays, after the priority of sources; the first one where that is even."""

    FIRST = "first"
    LONGEST = "longest"
    QUALITY = "quality"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class DedupeConfig:
    """
    Two rows are duplicates when their texts are equal but for case and white space, or, with `near`, when the Jaccard
    similarity of their shingles is at least `threshold`.

    `sources` are named in order of priority, and come before those that are not named. `keep_by` is a label or a note
    of the record (`meta`): a number for `quality`, higher is better; a date or a number for `newest`. With `closure`
    a row also goes when only a chain of duplicates links it to the kept one. Of several versions, rows of the
    reference stay: it is compared with itself only if `reference_itself`, and the others with each other if
    `each_other`. A source may lose `max_source_loss` of its rows unless `allow_loss`.
    """

    key: str = Key.BOTH
    near: bool = True
    threshold: float = 0.8
    shingle: int = 5
    seed: int = 1
    keep: str = Keep.FIRST
    keep_by: str = ""
    sources: list[str] = field(default_factory=list)
    closure: bool = False
    each_other: bool = True
    reference_itself: bool = False
    max_source_loss: float = 0.5
    allow_loss: bool = False

    def __post_init__(self) -> None:
        _ = self.scheme
        _one_of("key", self.key, Key)
        _one_of("rule of what to keep", self.keep, Keep)
        _a_share("threshold", self.threshold, 0.3)
        _a_share("max_source_loss", self.max_source_loss, 0.0)
        for name in ("near", "closure", "each_other", "reference_itself", "allow_loss"):
            if not isinstance(getattr(self, name), bool):
                raise BadConfig(f"{name} must be true or false, not {getattr(self, name)!r}")
        if not isinstance(self.sources, list) or not all(isinstance(name, str) for name in self.sources):
            raise BadConfig("sources must be a list of names, the one that matters most first")
        if not isinstance(self.keep_by, str) or (self.keep in (Keep.QUALITY, Keep.NEWEST)) != bool(
            self.keep_by
        ):
            raise BadConfig(
                "Name the field to keep by, a label or a note of the records, with quality and newest, and only there."
            )

    @property
    def scheme(self) -> Scheme:
        return Scheme(shingle=self.shingle, num_perm=PERMUTATIONS, seed=self.seed)

    @property
    def banding(self) -> tuple[int, int]:
        return banding(self.threshold, PERMUTATIONS)


def banding(threshold: float, permutations: int) -> tuple[int, int]:
    """Number and width of the bands: as wide as they may be for SURE of the pairs at the threshold to share one."""
    widths = (
        width
        for width in range(permutations, 1, -1)
        if shared(threshold, permutations // width, width) >= SURE
    )
    width = next(widths, 1)
    return permutations // width, width


def shared(similarity: float, bands: int, width: int) -> float:
    """The probability that two texts of this similarity share a band (Mining of Massive Datasets, 3.4.2)."""
    return float(1 - (1 - similarity**width) ** bands)


def _one_of(what: str, value: Any, known: type[StrEnum]) -> None:
    if value not in set(known):
        raise BadConfig(f"There is no {what} {value!r}; choose one of {', '.join(known)}.")


def _a_share(name: str, value: Any, lowest: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= 1:
        raise BadConfig(f"{name} must be a number from {lowest} to 1, not {value!r}")
