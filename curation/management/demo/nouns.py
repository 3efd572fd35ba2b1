"""What the demo consists of: files to import, and a ledger of what was planted in them."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Kind(StrEnum):
    """
    How an item got into a training row: word for word (at times only its larger part), in other case and
    punctuation, inside a long document, twice, or as the whole turn; with other numbers, in other words, in what
    the assistant says, or, being short, inside a longer text.
    """

    VERBATIM = "verbatim"
    CASE = "case"
    DOCUMENT = "document"
    TWICE = "twice"
    EXACT = "exact"
    NUMBERS = "numbers"
    PARAPHRASE = "paraphrase"
    ANSWER = "answer"
    SHORT = "short"

    @property
    def visible(self) -> bool:
        """
        Does the plain rule find it? It asks for more than half of an item's words in 8-grams of one user turn;
        of an item of fewer than eight words, for a turn of exactly these words.
        """
        return self not in (Kind.NUMBERS, Kind.PARAPHRASE, Kind.ANSWER, Kind.SHORT)


@dataclass(frozen=True, slots=True)
class Planted:
    """One item in one row. `row` and `item` are the source's and the benchmark's own ids."""

    kind: Kind
    source: str
    row: str
    benchmark: str
    item: str


@dataclass(frozen=True, slots=True)
class DemoSource:
    """A training source: `rows` of its file can be used, `rejected` ones cannot, on purpose."""

    name: str
    path: Path
    licence: str
    title: str
    rows: int
    rejected: int


@dataclass(frozen=True, slots=True)
class DemoBenchmark:
    """`role` is "dev" or "unseen"; `short` counts the items of fewer than eight words."""

    name: str
    path: Path
    role: str
    title: str
    items: int
    short: int


@dataclass(frozen=True, slots=True)
class Demo:
    """Everything that was written. `recipe` is the YAML of a mixture of the cleaned sources."""

    sources: tuple[DemoSource, ...]
    benchmarks: tuple[DemoBenchmark, ...]
    planted: tuple[Planted, ...]
    recipe: str
