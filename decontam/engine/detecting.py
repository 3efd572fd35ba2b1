"""
Several methods that look for the same items, under one table of matches.

    detector = Detector.build({"GSM8K-test": prompts}, profile=Profile.DEFAULT)
    found = detector.scan(training_prompts)

- `ngram` is the plain rule of Tülu 3, and `exact` equality for items too short for it; with the default profile also
  an item of four words or more inside longer text.
- `normalised` is the same rule with shorter n-grams over normalised text: other numbers, other forms of the same
  characters, a word replaced here and there, languages that are written without spaces.
- `near` compares whole texts as sets of shingles: the same sentences in another order.
- `semantic` is calibrated closeness in meaning.

A pair of text and item is told once, with every method that found it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.text.jit import Array
from curation.engine.text.words import words
from decontam.engine.background import Vocabulary
from decontam.engine.config import NgramConfig
from decontam.engine.index import MATCHES, BenchmarkIndex, Texts
from decontam.engine.normalising import Written, normalised
from decontam.engine.report import METHODS
from decontam.engine.texts import as_chunks

SHORTEST = 4  # words of an item that is looked for inside longer text
NORMALISED = NgramConfig(n=5, threshold=0.6)
FOUND = pa.schema([*MATCHES, pa.field("found_by", pa.list_(pa.string()))])


class Profile(StrEnum):
    """`plain` is the published rule and nothing else; `default` looks in every way that needs no model."""

    PLAIN = "plain"
    DEFAULT = "default"


class Method(Protocol):
    """Any other way of looking for the items that a detector was built of."""

    @property
    def name(self) -> str:
        """One of `METHODS`."""

    def scan(self, texts: Texts, /) -> Any:
        """A table of schema `MATCHES`."""


@dataclass(frozen=True, slots=True, eq=False)
class Detector:
    """The items of some benchmarks, ready for `scan`; any number of threads may share it."""

    plain: BenchmarkIndex
    short: "ShortItems | None" = None
    normalised: "NormalisedIndex | None" = None
    others: tuple[Method, ...] = ()

    @classmethod
    def build(
        cls,
        benchmarks: Mapping[str, Texts],
        config: NgramConfig | None = None,
        profile: str = Profile.DEFAULT,
        others: Sequence[Method] = (),
    ) -> "Detector":
        """`benchmarks` and errors as `BenchmarkIndex.build`; `others` only look with the default profile."""
        plain = BenchmarkIndex.build(benchmarks, config)
        if profile == Profile.PLAIN:
            return cls(plain)
        columns = {name: as_column(texts) for name, texts in benchmarks.items()}
        short = ShortItems.build(columns, plain)
        return cls(plain, short, NormalisedIndex.build(columns), tuple(others))

    @property
    def methods(self) -> tuple[str, ...]:
        """Those that look, the most literal first."""
        if self.normalised is None:
            return METHODS[:2]
        return METHODS[:3] + tuple(name for name in METHODS[3:] if any(name == of.name for of in self.others))

    def beside(self, other: Method) -> "Detector":
        """The same detector with one method more."""
        return replace(self, others=(*self.others, other))

    def scan(self, texts: Texts) -> Any:
        """
        Every pair of a text and an item that some method found, as a table of schema `FOUND`, ordered by row,
        benchmark as given, item. `method` and score are those of the most literal method, spans those of the method
        that covers most of the item by n-grams, else of the only one.
        """
        column = as_column(texts)
        found = [self.plain.scan(column)]
        if self.short:
            found.append(self.short.scan(column))
        if self.normalised:
            found.append(self.normalised.scan(column))
        found += [other.scan(column) for other in self.others]
        return self._told_once(pa.concat_tables(found))

    def _keys(self, found: Any) -> Array:
        """One number for each pair of text and item, ascending in the order of a scan."""
        sizes = self.plain.items
        first = np.cumsum([0, *sizes.values()])
        names = pc.index_in(found.column("benchmark"), value_set=pa.array(list(sizes), pa.string()))
        items = first[names.to_numpy()] + found.column("item").to_numpy()
        return found.column("row").to_numpy() * first[-1] + items  # type: ignore[no-any-return]

    def _told_once(self, found: Any) -> Any:
        keys = self._keys(found)
        rank = pc.index_in(found.column("method"), value_set=pa.array(METHODS)).to_numpy()
        order = np.lexsort((rank, keys))
        first = np.flatnonzero(np.diff(keys[order], prepend=-1))
        seen = np.bitwise_or.reduceat(1 << rank[order].astype(np.int64), first) if len(first) else first
        told = found.take(pa.array(order[first]))
        covering = np.where(rank < METHODS.index("near"), -found.column("score").to_numpy(), rank)
        widest = np.lexsort((rank, covering, keys))[first]
        for name in ("train_spans", "item_spans"):
            told = _with(told, name, found.column(name).take(pa.array(widest)))
        return told.append_column("found_by", _NAMES_OF.take(pa.array(seen)))


_NAMES_OF = pa.array(
    [[name for k, name in enumerate(METHODS) if mask >> k & 1] for mask in range(1 << len(METHODS))],
    pa.list_(pa.string()),
)


@dataclass(frozen=True, slots=True, eq=False)
class ShortItems:
    """Items of 4 … n-1 words: an index of their own, and where they stand among all items of their benchmark."""

    index: BenchmarkIndex
    places: Mapping[str, Array]
    words: Mapping[str, list[str]]

    @classmethod
    def build(cls, columns: Mapping[str, Any], plain: BenchmarkIndex) -> "ShortItems | None":
        """None where no item is so short."""
        said = {
            name: {place: words(columns[name][place].as_py()) for place in weak}
            for name, weak in plain.weakly_checked.items()
        }
        places = {
            name: [place for place, of in some.items() if len(of) >= SHORTEST] for name, some in said.items()
        }
        places = {name: some for name, some in places.items() if some}
        if not places or plain.config.n <= SHORTEST:
            return None
        chosen = {name: columns[name].take(pa.array(some)) for name, some in places.items()}
        return cls(
            BenchmarkIndex.build(chosen, NgramConfig(n=SHORTEST, threshold=0.999)),
            {name: np.array(some, np.int64) for name, some in places.items()},
            {name: [f" {' '.join(said[name][place])} " for place in some] for name, some in places.items()},
        )

    def scan(self, texts: Any) -> Any:
        """Texts that hold an item word for word: the index proposes those that hold all of its 4-grams."""
        found = self.index.scan(texts)
        rows = found.column("row").to_pylist()
        names, places = found.column("benchmark").to_pylist(), found.column("item").to_pylist()
        said = {row: f" {' '.join(words(texts[row].as_py()))} " for row in set(rows)}
        holds = [
            self.words[name][place] in said[row] for row, name, place in zip(rows, names, places, strict=True)
        ]
        item = [self.places[name][place] for name, place in zip(names, places, strict=True)]
        found = _with(found, "item", pa.array(item, pa.int64()))
        found = _with(found, "method", pa.repeat(pa.scalar("exact"), len(found)))
        return found.filter(pa.array(holds, pa.bool_()))


@dataclass(frozen=True, slots=True, eq=False)
class NormalisedIndex:
    """The rule over normalised text, with spans in the texts as they were written."""

    index: BenchmarkIndex
    columns: Mapping[str, Any]
    compared: Mapping[str, Any]
    vocabularies: Mapping[str, Vocabulary]

    @classmethod
    def build(cls, columns: Mapping[str, Any]) -> "NormalisedIndex":
        compared = {name: normalised(column) for name, column in columns.items()}
        vocabularies = {name: Vocabulary.of(texts, NORMALISED.n) for name, texts in compared.items()}
        return cls(BenchmarkIndex.build(compared, NORMALISED), columns, compared, vocabularies)

    def scan(self, texts: Any) -> Any:
        """A table of schema `MATCHES`."""
        compared = normalised(texts)
        found = self.index.scan(compared).combine_chunks()
        rows = found.column("row").to_pylist()
        train = _as_written(found.column("train_spans"), rows, lambda row: (texts[row], compared[row]))
        pairs = list(
            zip(found.column("benchmark").to_pylist(), found.column("item").to_pylist(), strict=True)
        )
        item = _as_written(found.column("item_spans"), pairs, self._texts)
        found = _with(found, "method", pa.repeat(pa.scalar("normalised"), len(found)))
        return _with(_with(found, "train_spans", train), "item_spans", item)

    def _texts(self, pair: tuple[str, int]) -> tuple[Any, Any]:
        """An item as it was written, and as it is compared."""
        benchmark, item = pair
        return self.columns[benchmark][item], self.compared[benchmark][item]


def _as_written(spans: Any, keys: Sequence[Any], texts_of: Callable[[Any], tuple[Any, Any]]) -> Any:
    """Lists of spans of normalised texts as spans of the texts as written; `keys` says whose each list is."""
    lists = spans.combine_chunks() if isinstance(spans, pa.ChunkedArray) else spans
    at = lists.offsets.to_numpy() - lists.offsets[0].as_py() if len(lists) else np.zeros(1, np.int32)
    flat = lists.flatten()
    starts, ends = (flat.field(name).to_numpy(zero_copy_only=False).copy() for name in ("start", "end"))
    numbers: dict[Any, int] = {}
    whose = np.repeat([numbers.setdefault(key, len(numbers)) for key in keys], np.diff(at)).astype(np.int64)
    order = np.argsort(whose, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(whose[order])) + 1) if len(order) else []
    for key, part in zip(numbers, parts, strict=True):
        written = Written(*(text.as_py() for text in texts_of(key)))
        starts[part], ends[part] = written.spans(starts[part], ends[part])
    made = pa.StructArray.from_arrays([pa.array(starts), pa.array(ends)], names=["start", "end"])
    return pa.ListArray.from_arrays(pa.array(at.astype(np.int32)), made)


def as_column(texts: Texts) -> Any:
    """Texts as one `large_string` array without nulls."""
    return pa.chunked_array(as_chunks(texts), pa.large_string()).combine_chunks()


def _with(table: Any, name: str, values: Any) -> Any:
    place = table.schema.get_field_index(name)
    return table.set_column(place, MATCHES.field(name), values.cast(MATCHES.field(name).type))
