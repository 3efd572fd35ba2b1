"""The two texts of a match as a page shows them: evidence marked, everything escaped."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString, mark_safe

from curation.engine.rendering import marked, show
from curation.engine.text.words import words
from curation.engine.units import ItemPart
from decontam.engine.pairing import Pair, Side
from decontam.engine.report import only_meaning

PARTS: dict[str | None, str] = {ItemPart.ANSWER: "item’s answer", ItemPart.PASSAGE: "item’s passage"}
WHOLE = {  # methods that compare whole texts
    "near": "The {} is here, edited or in another order",
    "semantic": "Close in meaning to the {}; no words need be shared",
}
BESIDE = 3
SHORT = 1_500  # characters that fit on a screen; of longer texts what surrounds the evidence is shown


@dataclass(frozen=True, slots=True)
class ShownSide:
    """A side with its text as HTML, and the turns beside it that tell what it is about."""

    side: Side
    html: SafeString
    beside: list[tuple[str, SafeString]]


@dataclass(frozen=True, slots=True)
class ShownPair:
    match: Mapping[str, Any]
    training: ShownSide
    item: ShownSide

    @property
    def title(self) -> str:
        """What the most literal of the methods saw, in words."""
        item, method = PARTS.get(self.match["part"], "item"), self.match["method"]
        if method == "exact":
            same = words(self.training.side.text) == words(self.item.side.text)
            return f"The turn is the {item}, word for word" if same else f"The {item} is quoted word for word"
        if method in WHOLE:
            return WHOLE[method].format(item)
        whole = self.match["score"] >= 1
        quoted = (
            f"Every word of the {item} is" if whole else f"{self._share('score')} of the {item}’s words are"
        )
        return f"{quoted} quoted{', other numbers and forms aside' if method == 'normalised' else ''}"

    @property
    def measured(self) -> str:
        """How much that is, in words; empty where nothing was measured."""
        if only_meaning(self.match["found_by"]):
            return f"About {_percent(1 - self.match['score'], 2)} of clean rows come as close to an item"
        if self.match["share"] is None:
            return ""
        share = "all" if self.match["share"] >= 1 else self._share("share")
        return (
            f"The row holds {share} of what tells the item from other texts, {self.match['bits']:,.0f} bits"
        )

    def _share(self, name: str) -> str:
        """In full percents; what is not all is not 100 %."""
        return _percent(1.0 if self.match[name] >= 1 else min(self.match[name], 0.99))


def _percent(share: float, places: int = 0) -> str:
    return f"{100 * share:.{places}f}\u00a0%"


def shown_pair(pair: Pair) -> ShownPair:
    return ShownPair(pair.match, _shown(pair.training), _shown(pair.item))


def _shown(side: Side) -> ShownSide:
    spans = [{"start": start, "end": end} for start, end in side.spans]
    html = mark_safe(marked(side.text, spans, window=len(side.text) > SHORT))  # escaped by `marked`
    return ShownSide(side, html, list(_beside(side)))


def _beside(side: Side) -> Iterator[tuple[str, SafeString]]:
    """The turns after the one that matched, else what answers the item; muted, for the context."""
    if side.turn is not None:
        for turn in side.turns[side.turn + 1 :][:BESIDE]:
            yield turn["role"], mark_safe(show(turn["content"] or "").html)  # escaped by `show`
    elif side.answer:
        yield "answer", mark_safe(show(side.answer).html)
