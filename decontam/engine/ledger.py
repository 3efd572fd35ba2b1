"""
Which matches of a scan are ruled, and how: one byte per match, beside the few columns that a filter asks for.

A ledger of 3 M matches is about 70 MB and answers in milliseconds; the rulings themselves stay in the database, and
what is shown or applied is read there. Pairs are recognised here by 64 bits of their two fingerprints, which are
hashes: that two of some million pairs share them is once in a million scans, and then a match is passed over that
`apply` treats by itself.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.errors import BadConfig
from decontam.engine.apply import CONTAMINATED, FALSE_ALARM
from decontam.engine.report import METHODS

COLUMNS = ["row_fingerprint", "item_fingerprint", "method", "score"]
CODES = {"": 0, CONTAMINATED: 1, FALSE_ALARM: 2}
FIRST_LOOK, LARGEST_LOOK = 1 << 10, 1 << 18
WEIGHTS = np.random.default_rng(8).integers(1 << 62, size=8, dtype=np.uint64) | np.uint64(1)
Mask = Callable[[int, int], np.ndarray]


@dataclass(frozen=True, slots=True)
class Filter:
    """
    Which matches are looked at; as it stands in a query string. Scores are from `lowest` to `highest`, both included;
    `verdict` asks for what was ruled so, `open_only` for what nobody ruled.
    """

    benchmark: str = ""
    method: str = ""
    lowest: float = 0.0
    highest: float = 1.0
    cause: str = ""
    open_only: bool = False
    verdict: str = ""

    def __post_init__(self) -> None:
        if self.method not in ("", *METHODS):
            raise BadConfig(f"There is no method {self.method!r}; choose one of {', '.join(METHODS)}.")
        if self.verdict not in CODES:
            raise BadConfig(f"There is no verdict {self.verdict!r}; choose {CONTAMINATED} or {FALSE_ALARM}.")
        if not 0 <= self.lowest <= self.highest <= 1:
            raise BadConfig("Scores go from 0 to 1, the lowest first.")
        if self.open_only and self.verdict:
            raise BadConfig(
                "A match that nobody ruled has no verdict: ask for open matches or for a verdict."
            )

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> Self:
        """Out of a query string; what is not of a filter is left to others."""
        known = {one.name: given[one.name] for one in fields(cls) if given.get(one.name, "") != ""}
        scores = {name: _score(known[name]) for name in ("lowest", "highest") if name in known}
        ruled = {"verdict": known["verdict"].replace("-", " ")} if "verdict" in known else {}
        opened = {"open_only": _yes(known["open_only"])} if "open_only" in known else {}
        return cls(**(known | scores | ruled | opened))  # type: ignore[arg-type]

    def query(self) -> dict[str, str]:
        """What `parse` reads, without what is left at its default."""
        said = {one.name: getattr(self, one.name) for one in fields(self)}
        changed = {name: value for name, value in said.items() if value != getattr(Filter(), name)}
        return {name: "1" if value is True else str(value) for name, value in changed.items()}

    @property
    def by_match(self) -> bool:
        """It asks for more than a benchmark and a cause, whose matches have consecutive numbers."""
        return bool(
            self.method or self.verdict or self.open_only or (self.lowest, self.highest) != (0.0, 1.0)
        )


def _score(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise BadConfig(f"{text!r} is not a score; scores are numbers from 0 to 1.")
    return number


def _yes(text: str) -> bool:
    said = {"1": True, "true": True, "on": True, "0": False, "false": False}
    if text.lower() not in said:
        raise BadConfig(f"open_only is 1 or 0, not {text!r}.")
    return said[text.lower()]


@dataclass(slots=True)
class Ledger:
    """Matches are positions here: `seq - 1`. `act` is the newest act of ruling that is entered."""

    states: np.ndarray  # int8, one of CODES
    methods: np.ndarray  # int8, position in `names`
    scores: np.ndarray  # float64
    names: list[str]
    keys: np.ndarray  # uint64, ascending
    places: np.ndarray  # uint32, the position of each key
    act: int = 0
    counted: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, batches: Iterable[pa.RecordBatch], rows: int) -> Self:
        """Out of batches of `COLUMNS` in the order of their numbers, `rows` in all."""
        keys, scores = np.empty(rows, np.uint64), np.empty(rows, np.float64)
        methods, names, done = np.empty(rows, np.int8), list[str](), 0
        for batch in batches:
            here = slice(done, done := done + batch.num_rows)
            keys[here] = pair_keys(batch.column("row_fingerprint"), batch.column("item_fingerprint"))
            scores[here] = batch.column("score").to_numpy()
            methods[here] = _codes(batch.column("method"), names)
        places = np.argsort(keys, kind="stable").astype(np.uint32)
        return cls(np.zeros(rows, np.int8), methods, scores, names, keys[places], places)

    @property
    def nbytes(self) -> int:
        arrays = (self.states, self.methods, self.scores, self.keys, self.places)
        return sum(array.nbytes for array in arrays)

    def enter(self, rows: list[str], items: list[str], verdicts: list[str]) -> None:
        """What is now ruled of some pairs; an empty verdict opens them again."""
        keys = pair_keys(pa.array(rows, pa.string()), pa.array(items, pa.string()))
        first, end = (np.searchsorted(self.keys, keys, side) for side in ("left", "right"))
        counts = end - first
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        codes = np.array([CODES[verdict] for verdict in verdicts], np.int8)
        self.states[self.places[np.repeat(first, counts) + within]] = np.repeat(codes, counts)
        self.counted = {}

    def counts(self) -> dict[str, int]:
        """How many matches have each verdict; under the empty one those that nobody ruled."""
        if not self.counted:
            self.counted = {name: int(np.count_nonzero(self.states == code)) for name, code in CODES.items()}
        return self.counted

    def open_between(self, first: int, last: int) -> int:
        """How many of the matches of these numbers, both included, nobody ruled."""
        return int(np.count_nonzero(self.states[first - 1 : last] == 0))

    def mask(self, wanted: Filter) -> Mask:
        """A function that says of the matches from position `start` to before `end` which are wanted."""
        method = self.names.index(wanted.method) if wanted.method in self.names else -1
        code = CODES[wanted.verdict]

        def keep(start: int, end: int) -> np.ndarray:
            here = slice(start, end)
            kept = (self.scores[here] >= wanted.lowest) & (self.scores[here] <= wanted.highest)
            if wanted.method:
                kept &= self.methods[here] == method
            if wanted.open_only or wanted.verdict:
                kept &= self.states[here] == code
            return kept

        return keep


def numbers(
    spans: Iterable[tuple[int, int]], keep: Mask | None, *, after: int = 0, before: int = 0
) -> Iterator[np.ndarray]:
    """
    The wanted numbers above `after`, in ascending blocks, or with `before` those below it, in descending blocks.
    `spans` are first and last numbers, in the order of the walk; blocks grow, so that the first is soon there.
    """
    size = FIRST_LOOK
    for first, last in spans:
        low, high = max(first, after + 1) - 1, min(last, before - 1 if before else last)
        while low < high:
            start, end = (max(low, high - size), high) if before else (low, min(high, low + size))
            found = np.arange(start, end) if keep is None else np.flatnonzero(keep(start, end)) + start
            low, high = (low, start) if before else (end, high)
            size = min(2 * size, LARGEST_LOOK)
            if len(found):
                yield (found[::-1] if before else found) + 1


def pair_keys(rows: pa.Array, items: pa.Array) -> np.ndarray:
    """One uint64 per pair of fingerprints (32 characters at most)."""
    words = np.concatenate([_words(rows), _words(items)], axis=1)
    return np.asarray((words * WEIGHTS).sum(axis=1, dtype=np.uint64))


def _words(fingerprints: pa.Array) -> np.ndarray:
    padded = pc.utf8_rpad(fingerprints, 32).cast(pa.binary(32))
    return np.frombuffer(padded.buffers()[1], np.uint64, 4 * len(padded)).reshape(-1, 4)


def _codes(column: pa.Array, names: list[str]) -> np.ndarray:
    """Positions in `names`, which learns what it did not have."""
    names += [name for name in pc.unique(column).to_pylist() if name not in names]
    return np.asarray(pc.index_in(column, value_set=pa.array(names, pa.string())))
