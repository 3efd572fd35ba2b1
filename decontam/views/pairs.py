"""The two texts of a match as a page shows them: evidence marked, everything escaped."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString, mark_safe

from curation.engine.rendering import marked, show
from decontam.engine.pairing import Pair, Side

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
        """What was seen, in words."""
        score = self.match["score"]
        if self.match["method"] == "exact":
            return "The turn is the item, word for word"
        return (
            "Every word of the item is quoted"
            if score >= 1
            else f"{score:.0%} of the item’s words are quoted"
        )


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
