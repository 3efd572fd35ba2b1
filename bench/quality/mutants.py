"""Items as they leak: changed by seed in one way at a time."""

import random
import re
import string
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from quality.data import SEED, Item

WORD = re.compile(r"\w+")
NUMBER = re.compile(r"\d+")
LINE = 28
WIDE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
MARKS = ",.;:!?-–—…·"
SPACES = ("  ", "\n", "\t", " \n ", "\u00a0", "\r\n", "\n\n")


@dataclass(frozen=True)
class Mutant:
    """A training text in which an item stands."""

    item: Item
    text: str


@dataclass(frozen=True)
class Words:
    """What replaced words are drawn from, and what a long document is made of."""

    vocabulary: Sequence[str]
    prose: Sequence[str]


@dataclass(frozen=True)
class Kind:
    """A way to change an item. `least` words an item needs for it; `bar`: the share that has to be found."""

    name: str
    change: Callable[[str, random.Random, Words], str]
    least: int = 1
    bar: float | None = None
    most: int = 1_000_000
    numbers: bool = False
    copies: int = 1
    every: int = 1

    def of(self, items: Sequence[Item], drawn: Words) -> list[Mutant]:
        made = []
        for item in items[:: self.every]:
            if self.least <= item.size <= self.most and (not self.numbers or NUMBER.search(item.text)):
                for copy in range(self.copies):
                    chance = random.Random(f"{SEED} {self.name} {item.benchmark} {item.place} {copy}")
                    made.append(Mutant(item, self.change(item.text, chance, drawn)))
        return made


def verbatim(text: str, chance: random.Random, drawn: Words) -> str:
    return text


def in_document(text: str, chance: random.Random, drawn: Words) -> str:
    before, behind = (chance.choice(drawn.prose) for _ in range(2))
    return f"{before}\n\n{text}\n\n{behind}"


def other_case(text: str, chance: random.Random, drawn: Words) -> str:
    return chance.choice((str.upper, str.lower, str.title))(text)


def other_marks(text: str, chance: random.Random, drawn: Words) -> str:
    """Marks between words: another one, more of them, or none where a space keeps the words apart."""
    made = []
    for place, mark in enumerate(text):
        if mark not in string.punctuation or mark == "_":
            made.append(mark)
        elif not text[place + 1 : place + 2].strip() or not text[:place][-1:].strip():
            made.append(chance.choice(("", chance.choice(MARKS), mark * 2)))
        else:
            made.append(chance.choice((chance.choice(MARKS), mark + " ")))
    return "".join(made)


def other_spaces(text: str, chance: random.Random, drawn: Words) -> str:
    return re.sub(r"\s+", lambda _: chance.choice(SPACES), text)


def all_of_these(text: str, chance: random.Random, drawn: Words) -> str:
    for change in (other_case, other_marks, other_spaces):
        text = change(text, chance, drawn)
    return text


def other_numbers(text: str, chance: random.Random, drawn: Words) -> str:
    def other(found: re.Match[str]) -> str:
        digits = len(found[0]) + chance.choice((0, 0, 1))
        drawn = found[0]
        while drawn == found[0]:
            drawn = str(chance.randrange(10 ** (digits - 1), 10**digits))
        return drawn

    return NUMBER.sub(other, text)


def replaced(share: float) -> Callable[[str, random.Random, Words], str]:
    """So many of the words are another word of the corpus; at least one is."""

    def change(text: str, chance: random.Random, drawn: Words) -> str:
        at = [found.span() for found in WORD.finditer(text)]
        chosen = chance.sample(at, max(1, round(share * len(at))))
        for start, end in sorted(chosen, reverse=True):
            text = text[:start] + chance.choice(drawn.vocabulary) + text[end:]
        return text

    return change


def short_lines(text: str, chance: random.Random, drawn: Words) -> str:
    """Broken between words only, and Chinese or Japanese anywhere, as editors do."""
    lines: list[str] = []
    for part in text.split():
        wide = WIDE.search(part)
        lines += textwrap.wrap(part, LINE) if wide else [part]
        if len(lines) > 1 and not wide and len(lines[-2]) + len(part) < LINE:
            lines[-2:] = [f"{lines[-2]} {part}"]
    return "\n".join(lines)


def halves(text: str) -> tuple[str, str]:
    """An item said in two turns."""
    at = [found.start() for found in WORD.finditer(text)]
    middle = at[len(at) // 2]
    return text[:middle], text[middle:]


KINDS = (
    Kind("verbatim", verbatim, bar=1.0),
    Kind("inside a long document", in_document, least=4, bar=1.0),
    Kind("other case", other_case, bar=0.99),
    Kind("other punctuation", other_marks, bar=0.99),
    Kind("other whitespace", other_spaces, bar=0.99),
    Kind("case, punctuation, whitespace", all_of_these, bar=0.99),
    Kind("short lines", short_lines, bar=0.99),
    Kind("every number changed", other_numbers, least=4, numbers=True, bar=0.95),
    Kind("5 % of words replaced", replaced(0.05), least=10),
    Kind("10 % of words replaced", replaced(0.10), least=10, bar=0.90),
    Kind("one word of 4 to 9 replaced", replaced(0.0), least=4, most=9),
    Kind("10 % replaced, 5 copies", replaced(0.10), least=10, copies=5, every=4),
)
