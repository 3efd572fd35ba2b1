"""
Which matches are evidence, and which are chance: how much of what makes an item this item a row really holds.

Words are weighed by their information, -log2 of the share of texts that have them, in the source (a sample of it) and
in the benchmark. A phrase that many items of a benchmark share, or that stands in rows of the source which do not hold
the item, identifies nothing and does not count. What then counts is a table of three lines (`Strength.strong`); nothing
is deleted: a match that is not to count says why.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.errors import BadConfig
from curation.engine.text.jit import Array
from decontam.engine.background import LARGEST_SAMPLE, Background, Hashed
from decontam.engine.detecting import NORMALISED, Detector, NormalisedIndex, as_column
from decontam.engine.normalising import Written, normalised

COMMON_WORDS = "common words only"
STOCK = "stock phrase"
SINGLE = "single characters"
PARTIAL = "part of a short item"
UNDER = "under the threshold set for this benchmark"
Kept = TypeVar("Kept")
LITERAL, COMPARED_WHOLE = ("exact", "ngram"), ("near", "semantic")
WHOLE = 0.999
STOCK_FROM = 0.5  # of the information of an item: when less of it identifies, nothing does
N = NORMALISED.n
MOST_KNOWN, MOST_WEIGHED = 1_000_000, 100_000
WORD = re.compile(r"\w+")
JUDGED_BY = ["row", "benchmark", "item", "method", "score", "item_spans", "found_by"]
DOUBTLESS_BITS = 80


@dataclass(frozen=True, slots=True)
class PrecisionConfig:
    """
    `at_least` is the share of an item's information that a row must hold. `stock_rows` and `stock_share` say in how
    many sampled rows a phrase may stand before it is a stock phrase, `shared_items` and `shared_share` in how many
    items of its benchmark. `thresholds` are shares of information by benchmark, in place of the three lines.
    """

    at_least: float = 0.5
    stock_rows: int = 3
    stock_share: float = 0.0003
    shared_items: int = 5
    shared_share: float = 0.01
    thresholds: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("at_least", "stock_share", "shared_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadConfig(f"{name} is a share, from 0 to 1, not {getattr(self, name)!r}.")
        for benchmark, share in self.thresholds.items():
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
                raise BadConfig(f"The threshold for {benchmark} is a share, from 0 to 1, not {share!r}.")
        if min(self.stock_rows, self.shared_items) < 1:
            raise BadConfig("A phrase stands in at least 1 row or item before it is common.")


@dataclass(frozen=True, slots=True)
class Strength:
    """
    What a row holds of an item: the `share` of its information and how many `bits` that are, without what identifies
    nothing. `whole`: every word of it, literally. `loose`: the words may stand anywhere in the row, so more of them is
    asked for. `reason`: why it cannot count, else empty.
    """

    share: float
    bits: float
    whole: bool = False
    reason: str = ""
    loose: bool = False

    @property
    def strong(self) -> bool:
        """Enough to count by itself, wherever it was found."""
        if self.reason:
            return False
        nearly, mostly = (0.95, 0.8) if self.loose else (0.9, 2 / 3)
        by_words = (self.share >= nearly and self.bits >= 40) or (self.share >= mostly and self.bits >= 80)
        return self.whole or by_words

    @property
    def holds(self) -> bool:
        """Enough that it is no chance: an item that leaked in parts, or edited."""
        return self.strong or (self.share >= 0.5 and self.bits >= 40)

    @property
    def doubt(self) -> float:
        return 0.0 if self.whole else 1 - self.share * min(1.0, self.bits / DOUBTLESS_BITS)


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """An item's words: where they stand in the text as written, their bits, and which phrase begins at each."""

    starts: Array
    ends: Array
    hashes: Array
    grams: Array
    bits: Array
    single: Array  # bool: of one Latin letter or figure
    shared: Array  # bool: many items of the benchmark have the phrase that begins here
    stock: Array  # bool: it stands in rows of the source that do not hold an item


class Precision:
    """
    The judgement of what a detector found in one source. `background` is what `sample` made of the source, `elsewhere`
    what it made of others; without any, words are weighed by the benchmarks alone. Any number of threads may share it.
    """

    def __init__(
        self,
        detector: Detector,
        background: Background | None = None,
        config: PrecisionConfig | None = None,
        elsewhere: Background | None = None,
    ) -> None:
        self._index = _normalised(detector)
        self.config = config or PrecisionConfig()
        own = background or Background()
        self.background = own + elsewhere if elsewhere else own
        self._sources = (own, self.background) if elsewhere else (own,)
        self._vocabularies = self._index.vocabularies
        self._number = Hashed.of(as_column(["0"]), N).words[0]
        self._weighed: dict[tuple[str, int], Weighed] = {}
        self._known: dict[Any, Strength] = {}

    @classmethod
    def sample(cls, detector: Detector, texts: Any, config: PrecisionConfig | None = None) -> Background:
        """
        What at most `LARGEST_SAMPLE` texts of a source say of the benchmarks' words and phrases; equal texts are one.
        A row that holds an item says nothing about its phrases: what leaked often is no stock phrase.
        """
        texts = pc.unique(as_column(texts))[:LARGEST_SAMPLE]
        vocabularies, hashed = _normalised(detector).vocabularies, Hashed.of(normalised(texts), N)
        words = hashed.texts_with(hashed.words, _ascending(of.words.keys for of in vocabularies.values()))
        first = cls(detector, Background(len(texts), words), config)
        held: dict[int, list[Array]] = defaultdict(list)
        for match in detector.scan(texts).select(JUDGED_BY).to_pylist():
            if first.strength(match).holds:
                grams = vocabularies[match["benchmark"]].hashed.grams_of(match["item"])
                held[match["row"]].append(grams)
        grams = hashed.grams.copy()
        for row, items in held.items():
            here, known = slice(hashed.at[row], hashed.at[row + 1]), set(np.concatenate(items).tolist())
            grams[here] = [0 if gram in known else gram for gram in grams[here].tolist()]
        phrases = hashed.texts_with(grams, _ascending(of.hashed.grams for of in vocabularies.values()))
        return Background(len(texts), words, phrases)

    def judge(self, found: Any, texts: Any) -> Any:
        """
        `found` as `Detector.scan` makes it of `texts`, with `share`, `bits`, `doubt` and `suppressed`: a reason, else
        empty. PARTIAL ones count all the same where their source is over the line with this benchmark.
        """
        column = as_column(texts)
        strengths = [self._strength_in(column, match) for match in found.select(JUDGED_BY).to_pylist()]
        agreeing = pc.list_value_length(found.column("found_by")).to_numpy()
        meaning = pc.equal(found.column("method"), "semantic").to_numpy()
        doubt = np.where(meaning, 1 - found.column("score").to_numpy(), [one.doubt for one in strengths])
        reasons = [
            "" if alone else self._reason(name, one)
            for name, one, alone in zip(
                found.column("benchmark").to_pylist(), strengths, meaning, strict=True
            )
        ]
        measured = {
            "share": [one.share for one in strengths],
            "bits": [one.bits for one in strengths],
            "doubt": doubt / np.maximum(agreeing, 1),
        }
        for name, values in measured.items():
            found = found.append_column(name, pa.array(values, pa.float64()))
        return found.append_column("suppressed", pa.array(reasons, pa.string()))

    def _strength_in(self, texts: Any, match: Mapping[str, Any]) -> Strength:
        """
        By the spans, and by all words where whole texts were compared: whichever says more. A phrase that is common in
        the source is an item all the same where it is the whole text.
        """
        if match["method"] in COMPARED_WHOLE:
            return self._by_words(match, texts)
        strength = self.strength(match)
        if strength.whole and strength.reason:
            row = Hashed.of(normalised(texts.slice(match["row"], 1)), N)
            if np.array_equal(row.words, self._weigh(match["benchmark"], match["item"]).hashes):
                return replace(strength, reason="")
        if "near" in match["found_by"] and not strength.strong and strength.reason != STOCK:
            return max(strength, self._by_words(match, texts), key=lambda one: (one.strong, one.share))
        return strength

    def _reason(self, benchmark: str, one: Strength) -> str:
        if benchmark in self.config.thresholds:
            return "" if one.whole or one.share >= self.config.thresholds[benchmark] else UNDER
        if one.reason or one.strong:
            return one.reason
        return PARTIAL if one.share >= self.config.at_least else COMMON_WORDS

    def strength(self, match: Mapping[str, Any]) -> Strength:
        """What the spans of a match cover; `match` has benchmark, item, method, score and item_spans."""
        spans = tuple((span["start"], span["end"]) for span in match["item_spans"])
        key = (match["benchmark"], match["item"], match["method"], match["score"], spans)
        known = self._known.get(key)
        if known is None:
            known = _keep(self._known, key, self._measured(match, spans), MOST_KNOWN)
        return known

    def _measured(self, match: Mapping[str, Any], spans: Sequence[tuple[int, int]]) -> Strength:
        item = self._weigh(match["benchmark"], match["item"])
        covered = np.zeros(len(item.bits), bool)
        for start, end in spans:
            covered |= (item.starts >= start) & (item.ends <= end)
        whole = match["method"] in LITERAL and match["score"] >= WHOLE
        if len(item.bits) < N:
            return _strength(item, covered, np.ones(len(covered), bool), whole)
        identifying = (item.grams > 0) & ~item.stock & (whole | ~item.shared)
        runs = np.convolve(covered, np.ones(N, int))[N - 1 :] == N  # all words of the phrase begun here
        return _strength(item, _spread(runs & identifying), _spread(identifying), whole)

    def _by_words(self, match: Mapping[str, Any], texts: Any) -> Strength:
        """Of texts that were compared as wholes: the item's words, wherever they stand in the row."""
        item = self._weigh(match["benchmark"], match["item"])
        row = Hashed.of(normalised(texts.slice(match["row"], 1)), N)
        held = np.isin(item.hashes, row.words)
        return replace(_strength(item, held, np.ones(len(item.bits), bool), False), loose=True)

    def _weigh(self, benchmark: str, place: int) -> Weighed:
        weighed = self._weighed.get((benchmark, place))
        if weighed is None:
            item = self._weighed_item(benchmark, place)
            weighed = _keep(self._weighed, (benchmark, place), item, MOST_WEIGHED)
        return weighed

    def _weighed_item(self, benchmark: str, place: int) -> Weighed:
        written, compared = (
            of[benchmark][place].as_py() for of in (self._index.columns, self._index.compared)
        )
        at = np.array([found.span() for found in WORD.finditer(compared)], np.int64).reshape(-1, 2)
        starts, ends = Written(written, compared).spans(at[:, 0], at[:, 1])
        hashed = self._vocabularies[benchmark].hashed
        hashes, grams = hashed.words_of(place), hashed.grams_of(place)
        if len(at) != len(hashes):  # lower-casing changed a length: the words are known, their places are not
            starts, ends = np.zeros(len(hashes), np.int64), np.full(len(hashes), len(written))
        return Weighed(
            starts,
            ends,
            hashes,
            grams,
            self._bits(benchmark, hashes),
            np.array(
                [
                    end - start <= 1 and written[start:end].isascii()
                    for start, end in zip(starts, ends, strict=True)
                ],
                bool,
            ),
            self._vocabularies[benchmark].phrases.of(grams) > self._shared_above(benchmark),
            self._stock(grams),
        )

    def _bits(self, benchmark: str, hashes: Array) -> Array:
        """Numbers carry none: they are masked."""
        here, items = self._vocabularies[benchmark].words.of(hashes), len(self._vocabularies[benchmark])
        everywhere = (self.background.words.of(hashes) + here + 0.5) / (self.background.rows + items + 1)
        often = np.where(here >= 3, here / items, 0.0)
        bits = -np.log2(np.minimum(1.0, np.maximum(everywhere, often)))
        return np.where(hashes == self._number, 0.0, bits)

    def _shared_above(self, benchmark: str) -> float:
        return max(self.config.shared_items, self.config.shared_share * len(self._vocabularies[benchmark]))

    def _stock(self, grams: Array) -> Array:
        """Common in the source itself, or in all sources together."""
        stock = np.zeros(len(grams), bool)
        for of in self._sources:
            stock |= of.phrases.of(grams) >= max(
                self.config.stock_rows, ceil(self.config.stock_share * of.rows)
            )
        return stock


def _normalised(detector: Detector) -> NormalisedIndex:
    if detector.normalised is None:
        raise BadConfig("The plain rule is judged by nobody: precision belongs to the default profile.")
    return detector.normalised


def _ascending(hashes: Iterable[Array]) -> Array:
    return np.sort(np.concatenate(list(hashes)))


def _keep(held: dict[Any, Kept], key: Any, value: Kept, most: int) -> Kept:
    if len(held) >= most:
        held.clear()
    held[key] = value
    return value


def _spread(begins: Array) -> Array:
    """The words of the phrases that begin where the flags are set."""
    return np.convolve(begins, np.ones(N, int))[: len(begins)] > 0


def _strength(item: Weighed, covered: Array, identifying: Array, whole: bool) -> Strength:
    """`covered` are words that count as held, `identifying` those that could."""
    total, possible = item.bits.sum(), item.bits[identifying].sum()
    bits = item.bits[covered].sum()
    share = float(bits / possible) if possible else 0.0
    if possible < STOCK_FROM * total or not identifying.any():
        return Strength(share, float(bits), whole, STOCK)
    if not whole and covered.any() and item.single[covered].mean() > 0.5:
        return Strength(share, float(bits), whole, SINGLE)
    return Strength(share, float(bits), whole)
