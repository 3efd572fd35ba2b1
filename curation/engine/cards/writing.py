"""Markdown from facts and from words of others, which start no markup of their own."""

import html
import re
from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str | int]]) -> str:
    rows = list(rows)
    numeric = [all(isinstance(row[i], int) for row in rows) for i in range(len(heads))]
    lines = [heads, ["---:" if right else "---" for right in numeric]]
    cells = [[f"{cell:,}" if isinstance(cell, int) else text(cell) for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in [*lines, *cells])


def text(value: str) -> str:
    """Somebody's words as one line of Markdown: no table cell, link, image, code or HTML of their own."""
    return re.sub(r"[\\`*|\[\]]", r"\\\g<0>", html.escape(" ".join(value.split()), quote=False))


def part(some: int, of: int) -> str:
    return f"{some:,} ({100 * some / of:.2f} %)" if of else f"{some:,}"


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def words(several: Iterable[str]) -> str:
    return ", ".join(text(word) for word in several) or "nothing"


def bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
