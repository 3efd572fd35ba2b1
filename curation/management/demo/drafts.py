"""A row before it has an id and a format, and the rows that carry a benchmark item."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import Any

from curation.management.demo.nouns import Kind
from curation.management.demo.texts import entries


class Flaw(StrEnum):
    """What is wrong with a row, so that an import has something to reject."""

    BROKEN = "broken"
    EMPTY = "empty"
    MISSING = "missing"
    SAME = "same"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True)
class Draft:
    """`said` by user and assistant in turn; `items` are "benchmark/id" of what was planted."""

    said: tuple[str, ...]
    input: str = ""
    rejected: str = ""
    flaw: Flaw | None = None
    kind: Kind | None = None
    items: tuple[str, ...] = ()


def _plain(text: str) -> str:
    return re.sub(r"[^\w\s’'-]", " ", text.lower().replace("`", "")).replace("  ", " ").strip()


def _begun(text: str) -> str:
    told = text.split(" ")
    return " ".join(told[: len(told) * 7 // 10]) + " …"


STYLES: dict[str, Callable[[str], str]] = {
    "as is": str,
    "begun": _begun,
    "shout": str.upper,
    "plain": _plain,
    "lines": lambda text: re.sub(r"(?<=[.?!]) ", "\n– ", f"– {text}"),
}


def planted(items: Mapping[str, str]) -> list[tuple[str, Draft]]:
    """All planted rows with the names of their sources; `items` maps "benchmark/id" to the text of an item."""
    told = [*entries("planted-visible"), *entries("planted-hidden")]
    return [(entry["source"], _draft(entry, items)) for entry in told]


def _draft(entry: Mapping[str, Any], items: Mapping[str, str]) -> Draft:
    style = STYLES[entry.get("style", "as is")]
    quotes = [style(_renumbered(items[name], entry.get("numbers"))) for name in entry["items"]]

    def said(text: str) -> str:
        return re.sub(r"\{(\d)\}", lambda slot: quotes[int(slot[1]) - 1], text)

    return Draft(
        said=tuple(said(text) for text in entry["said"]),
        input=said(entry.get("input", "")),
        rejected=entry.get("rejected", ""),
        kind=Kind(entry["kind"]),
        items=tuple(entry["items"]),
    )


def _renumbered(text: str, numbers: list[int] | None) -> str:
    """The text with its numbers replaced, one after the other."""
    if numbers is None:
        return text
    place = count()
    return re.sub(r"\d+", lambda _: str(numbers[next(place)]), text)
