"""
Which matches of a scan are ruled, and how: one byte per match, beside the few columns that a filter asks for.

A ledger of 3 M matches is about 110 MB and answers in milliseconds; the rulings themselves stay in the database, and
what is shown or applied is read there. Pairs are recognised here by 64 bits of their two fingerprints, which are
hashes: that two of some million pairs share them is once in a million scans, and then a match is passed over that
`apply` treats by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.errors import BadConfig
from decontam.engine.apply import CONTAMINATED, FALSE_ALARM
from decontam.engine.report import METHODS
from decontam.engine.rules import Standing, spoken

COLUMNS = ["row_fingerprint", "item_fingerprint", "found_by", "score", "doubt", "suppressed"]
CODES = {"": 0, CONTAMINATED: 1, FALSE_ALARM: 2}
DOUBT, SUPPRESSED = "doubt", "suppressed"
FIRST_LOOK, LARGEST_LOOK = 1 << 10, 1 << 18
WEIGHTS = np.random.default_rng(8).integers(1 << 62, size=8, dtype=np.uint64) | np.uint64(1)
BITS = np.array(
    [*(1 << place for place in range(len(METHODS))), 0], np.uint8
)  # the last is for unknown methods
Mask = Callable[[slice | np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class Filter:
    """
    Which matches are looked at; as it stands in a query string. Scores are from `lowest` to `highest`, both included;
    `verdict` asks for what was ruled so, `open_only` for what nobody ruled. `method` found the pair, among others;
    `only` found it alone. `suppressed` is yes or no, and `why` the reason for it. `order` is not about which, but
    about which first: by cause as they are numbered, or by doubt. `second` asks for what others ruled and `reader`, who
    is no part of a query string, did not; `disputed` for what people ruled differently.
    """

    benchmark: str = ""
    method: str = ""
    lowest: float = 0.0
    highest: float = 1.0
    cause: str = ""
    open_only: bool = False
    verdict: str = ""
    only: str = ""
    suppressed: str = ""
    why: str = ""
    order: str = ""
    second: bool = False
    disputed: bool = False
    reader: int = 0

    def __post_init__(self) -> None:
        for method in (self.method, self.only):
            if method not in ("", *METHODS):
                raise BadConfig(f"There is no method {method!r}; choose one of {', '.join(METHODS)}.")
        if self.suppressed not in ("", "yes", "no"):
            raise BadConfig(f"Suppressed is yes or no, not {self.suppressed!r}; leave it empty for both.")
        if self.order not in ("", DOUBT):
            raise BadConfig(f"There is no order {self.order!r}; leave it empty, or choose {DOUBT}.")
        self._check_rulings()
        if not 0 <= self.lowest <= self.highest <= 1:
            raise BadConfig("Scores go from 0 to 1, the lowest first.")

    def _check_rulings(self) -> None:
        if self.verdict not in CODES:
            raise BadConfig(f"There is no verdict {self.verdict!r}; choose {CONTAMINATED} or {FALSE_ALARM}.")
        if self.open_only and self.verdict:
            raise BadConfig(
                "A match that nobody ruled has no verdict: ask for open matches or for a verdict."
            )
        if self.second and (self.open_only or self.verdict or self.disputed):
            raise BadConfig(
                "A second look is at what others ruled, and does not say how: leave out the verdict."
            )

    @classmethod
    def parse(cls, given: Mapping[str, str], usual: Filter | None = None) -> Filter:
        """Out of a query string; where it says nothing, as in `usual`. What is not of a filter is left to others."""
        plain = Filter()
        said: dict[str, Any] = {
            one.name: _read(one.name, given[one.name]) if given[one.name] else getattr(plain, one.name)
            for one in fields(cls)
            if one.name in given and one.name != "reader"
        }
        return replace(usual or plain, **said)

    def query(self, usual: Filter | None = None) -> dict[str, str]:
        """What `parse` reads with the same `usual`, without what is left as it is there."""
        said = {one.name: getattr(self, one.name) for one in fields(self)}
        usual = replace(usual or Filter(), reader=self.reader)
        changed = {name: value for name, value in said.items() if value != getattr(usual, name)}
        return {name: "1" if value is True else str(value) for name, value in changed.items()}

    @property
    def narrows(self) -> bool:
        """It leaves out more than what is suppressed."""
        return replace(self, suppressed="", order="", reader=0) != Filter()

    @property
    def by_match(self) -> bool:
        """It asks for more than a benchmark and a cause, whose matches have consecutive numbers."""
        return replace(self, benchmark="", cause="", order="", reader=0) != Filter()

    @property
    def by_person(self) -> bool:
        """It asks for what each of several people said."""
        return self.second or self.disputed

    @property
    def to_rule(self) -> Filter:
        """What of it waits for a ruling; what was ruled, where that is what it asks for."""
        return self if self.verdict or self.by_person else replace(self, open_only=True)


def _read(name: str, text: str) -> Any:
    if name in ("lowest", "highest"):
        return _score(text)
    if name == "verdict":
        return text.replace("-", " ")
    return _yes(name, text) if name in ("open_only", "second", "disputed") else text


def _score(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise BadConfig(f"{text!r} is not a score; scores are numbers from 0 to 1.")
    return number


def _yes(name: str, text: str) -> bool:
    said = {"1": True, "true": True, "on": True, "0": False, "false": False}
    if text.lower() not in said:
        raise BadConfig(f"{name} is 1 or 0, not {text!r}.")
    return said[text.lower()]


@dataclass(slots=True)
class Ledger:
    """Matches are positions here: `seq - 1`. `act` is the newest act of ruling that is entered."""

    states: np.ndarray  # int8, one of CODES
    methods: np.ndarray  # uint8, a bit for each of METHODS that found it
    scores: np.ndarray  # float64
    given: np.ndarray  # int32, position in `reasons` of why the scan suppressed it; 0 where it did not
    reasons: list[str]
    doubtful: np.ndarray  # uint32, the positions, the most doubtful first
    ranks: np.ndarray  # uint32, where in `doubtful` each position is
    keys: np.ndarray  # uint64, ascending
    places: np.ndarray  # uint32, the position of each key
    act: int = 0
    counted: dict[str, int] = field(default_factory=dict)
    rules: list[Standing] = field(default_factory=list)
    why: np.ndarray = field(init=False)  # as `given`, under the rules
    people: dict[int, np.ndarray] | None = None  # int8 by person, one of CODES; None until somebody asks

    def __post_init__(self) -> None:
        self.why = self.given

    @classmethod
    def read(cls, batches: Iterable[pa.RecordBatch], rows: int) -> Self:
        """Out of batches of `COLUMNS` in the order of their numbers, `rows` in all."""
        keys, scores, doubt = (
            np.empty(rows, np.uint64),
            np.empty(rows, np.float64),
            np.empty(rows, np.float32),
        )
        methods, why, reasons, done = np.empty(rows, np.uint8), np.empty(rows, np.int32), [""], 0
        for batch in batches:
            here = slice(done, done := done + batch.num_rows)
            keys[here] = pair_keys(batch.column("row_fingerprint"), batch.column("item_fingerprint"))
            scores[here] = batch.column("score").to_numpy()
            doubt[here] = batch.column("doubt").to_numpy()
            methods[here] = method_bits(batch.column("found_by"))
            why[here] = _codes(batch.column("suppressed").fill_null(""), reasons)
        doubtful = np.argsort(-doubt, kind="stable").astype(np.uint32)
        ranks = np.empty(rows, np.uint32)
        ranks[doubtful] = np.arange(rows, dtype=np.uint32)
        places = np.argsort(keys, kind="stable").astype(np.uint32)
        states = np.zeros(rows, np.int8)
        return cls(states, methods, scores, why, reasons, doubtful, ranks, keys[places], places)

    @property
    def nbytes(self) -> int:
        arrays = [self.states, self.methods, self.scores, self.given]
        arrays += [self.doubtful, self.ranks, self.keys, self.places]
        return sum(array.nbytes for array in arrays)

    def lay_down(self, rules: list[Standing], batches: Iterable[pa.RecordBatch]) -> None:
        """The rules that hold now, and the matches with the columns that these look at, read only where one holds."""
        self.why, self.rules, self.counted = self.given, rules, {}
        if not rules:
            return
        told = [None if rule.config.verdict == CONTAMINATED else rule.reason for rule in rules]
        codes = _codes(pa.array(told, pa.string()).fill_null(""), self.reasons).astype(np.int32)
        found = np.concatenate([np.empty(0, np.int64), *(spoken(batch, rules) for batch in batches)])
        self.why = np.where(found >= 0, codes[found], self.given)

    def enter(self, rows: list[str], items: list[str], verdicts: list[str], by: int | None = None) -> None:
        """What is now ruled of some pairs, or said of them by one person; an empty verdict takes it back."""
        into = self.states if by is None else self.said_by(by)
        keys = pair_keys(pa.array(rows, pa.string()), pa.array(items, pa.string()))
        first, end = (np.searchsorted(self.keys, keys, side) for side in ("left", "right"))
        counts = end - first
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        codes = np.array([CODES[verdict] for verdict in verdicts], np.int8)
        into[self.places[np.repeat(first, counts) + within]] = np.repeat(codes, counts)
        self.counted = {}

    def said_by(self, person: int) -> np.ndarray:
        """int8, one of CODES for each match, of one person."""
        self.people = {} if self.people is None else self.people
        return self.people.setdefault(person, np.zeros(len(self.states), np.int8))

    def pairs(self) -> np.ndarray:
        """The first position of each pair: a row that quotes an item in two turns is one pair."""
        first = np.ones(len(self.keys), bool)
        first[1:] = self.keys[1:] != self.keys[:-1]
        return np.asarray(self.places[first])

    def disputed(self, here: slice | np.ndarray) -> np.ndarray:
        """Which of the matches at some positions people ruled differently."""
        said = list((self.people or {}).values())
        if not said:
            return np.zeros(len(self.states[here]), bool)
        either = [np.logical_or.reduce([codes[here] == code for codes in said]) for code in (1, 2)]
        return np.asarray(either[0] & either[1])

    def _second(self, here: slice | np.ndarray, reader: int) -> np.ndarray:
        """Which of them others ruled, and the reader did not."""
        ruled = np.zeros(len(self.states[here]), bool)
        for person, codes in (self.people or {}).items():
            if person != reader:
                ruled |= codes[here] != 0
        return np.asarray(ruled & (self.said_by(reader)[here] == 0))

    def counts(self) -> dict[str, int]:
        """How many matches have each verdict; those that nobody ruled are suppressed, or open under the empty one."""
        if not self.counted:
            self.counted = {name: int(np.count_nonzero(self.states == code)) for name, code in CODES.items()}
            suppressed = int(np.count_nonzero(self.suppressed(slice(None))))
            self.counted |= {"": self.counted[""] - suppressed, SUPPRESSED: suppressed}
        return self.counted

    def suppressions(self) -> dict[str, int]:
        """How many matches do not count for each reason, the most frequent first; a ruling takes a match out."""
        counts = np.bincount(self.why[self.states == 0], minlength=len(self.reasons)).tolist()
        found = {
            reason: count for reason, count in zip(self.reasons, counts, strict=True) if reason and count
        }
        return dict(sorted(found.items(), key=lambda one: -one[1]))

    def open_between(self, first: int, last: int) -> int:
        """How many of the matches of these numbers, both included, wait for a ruling."""
        here = slice(first - 1, last)
        return int(np.count_nonzero((self.states[here] == 0) & (self.why[here] == 0)))

    def suppressed(self, here: slice | np.ndarray) -> np.ndarray:
        """A ruling, whichever, is worth more than the suppression of a match."""
        return np.asarray((self.why[here] != 0) & (self.states[here] == 0))

    def mask(self, wanted: Filter) -> Mask:
        """A function that says which of the matches at some positions are wanted."""
        tests = [*self._of_evidence(wanted), *self._of_rulings(wanted)]

        def keep(here: slice | np.ndarray) -> np.ndarray:
            kept = np.ones(len(self.states[here]), bool)
            for test in tests:
                kept &= test(here)
            return kept

        return keep

    def _of_evidence(self, wanted: Filter) -> Iterator[Mask]:
        if (wanted.lowest, wanted.highest) != (0.0, 1.0):
            yield lambda here: (self.scores[here] >= wanted.lowest) & (self.scores[here] <= wanted.highest)
        if wanted.method:
            yield lambda here: (self.methods[here] & _bit(wanted.method)) != 0
        if wanted.only:
            yield lambda here: self.methods[here] == _bit(wanted.only)

    def _of_rulings(self, wanted: Filter) -> Iterator[Mask]:
        if wanted.suppressed:
            yield lambda here: self.suppressed(here) == (wanted.suppressed == "yes")
        if wanted.why:
            code = self.reasons.index(wanted.why) if wanted.why in self.reasons else -1
            yield lambda here: self.suppressed(here) & (self.why[here] == code)
        if wanted.second:
            yield lambda here: self._second(here, wanted.reader)
        if wanted.disputed:
            yield self.disputed
        if wanted.open_only or wanted.verdict:
            yield lambda here: self.states[here] == CODES[wanted.verdict]

    def by_doubt(
        self, spans: Sequence[tuple[int, int]], keep: Mask, *, after: int = 0, before: int = 0
    ) -> Iterator[np.ndarray]:
        """As `numbers` walks, but the most doubtful first: `after` is the number of the match to go on from."""
        ranks, line = None, self.doubtful
        if sum(last - first + 1 for first, last in spans) <= LARGEST_LOOK:
            every = [np.arange(first - 1, last) for first, last in spans]
            ranks = np.sort(self.ranks[np.concatenate([np.empty(0, int), *every])])
            line = self.doubtful[ranks]

        def wanted(here: slice | np.ndarray) -> np.ndarray:
            return keep(line[here]) if ranks is not None else keep(line[here]) & _within(spans, line[here])

        begin = self._passed(ranks, after, "right")
        end = self._passed(ranks, before, "left") + 1 if before else 0
        for block in numbers([(1, len(line))], wanted, after=begin, before=end):
            yield line[block - 1].astype(np.int64) + 1

    def _passed(self, ranks: np.ndarray | None, seq: int, side: Literal["left", "right"]) -> int:
        """How many of the line (of those of some ranks, else of all) come before a match, with it if `right`."""
        if not 1 <= seq <= len(self.ranks):
            return 0 if seq < 1 else len(self.ranks)
        rank = int(self.ranks[seq - 1])
        return rank + (side == "right") if ranks is None else int(np.searchsorted(ranks, rank, side))


def _within(spans: Sequence[tuple[int, int]], positions: np.ndarray) -> np.ndarray:
    """Whether the numbers of some positions lie in the spans, which ascend."""
    firsts, lasts = (np.array(column, np.int64) - 1 for column in zip(*spans, strict=True))
    span = np.searchsorted(firsts, positions, "right") - 1
    return np.asarray((span >= 0) & (positions <= lasts[span]))


def _bit(method: str) -> np.uint8:
    return np.uint8(BITS[METHODS.index(method)])


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
            found = np.arange(start, end) if keep is None else np.flatnonzero(keep(slice(start, end))) + start
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


def method_bits(found_by: pa.ListArray) -> np.ndarray:
    """One uint8 per list of methods, with the bits of METHODS."""
    codes = pc.index_in(found_by.flatten(), value_set=pa.array(METHODS)).fill_null(len(METHODS))
    bits = np.zeros(len(found_by), np.uint8)
    np.bitwise_or.at(bits, pc.list_parent_indices(found_by).to_numpy(), BITS[codes.to_numpy()])
    return bits


def _codes(column: pa.Array, names: list[str]) -> np.ndarray:
    """Positions in `names`, which learns what it did not have."""
    names += [name for name in pc.unique(column).to_pylist() if name not in names]
    return np.asarray(pc.index_in(column, value_set=pa.array(names, pa.string())))
