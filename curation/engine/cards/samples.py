"""
A few rows on a card: training rows only, short, and as words of others.

Which rows may be shown at all is for whoever knows what they were compared with; here they are chosen for being short
and free of what looks like a secret or an address of a person, and written as quotations.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from curation.engine.cards.writing import text

SHORT = 1_200  # characters of a row that is shown gladly
CUT = 400  # of one text
TURNS = 4
SHOWN = 2
NAMELESS = frozenset(("id",))
SECRET = re.compile(
    r"sk-[\w-]{16,}|AKIA[0-9A-Z]{16}|gh[pousr]_\w{20,}|github_pat_\w{20,}|hf_\w{20,}|xox[abprs]-[\w-]{10,}"
    r"|AIza[\w-]{30,}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}|-----BEGIN [A-Z ]*PRIVATE KEY|[\w.+-]+@[\w-]+\.[a-z]{2,}"
    r"|(?i:pass(word|wd)|secret|api[_-]?key|token)\s*[:=]\s*\S{6,}"
)

Row = Mapping[str, Any]


def showable(row: Row) -> bool:
    """Whether it is short and holds nothing that looks private."""
    said = orjson.dumps(row).decode()
    return len(said) <= SHORT and not SECRET.search(said)


def quoted(row: Row) -> str:
    """The row as a Markdown quotation: a line for each turn or value, cut."""
    lines = [f"> **{text(name)}** {text(_cut(said))}" for name, said in _said(row)]
    return "\n>\n".join(lines)


def _said(row: Row) -> Iterator[tuple[str, str]]:
    for name, value in row.items():
        if name in NAMELESS or value is None:
            continue
        turns = _turns(value)
        if not turns:
            yield name, value if isinstance(value, str) else orjson.dumps(value).decode()
        for role, said in turns[:TURNS]:
            yield (role if name in ("messages", "conversations") else f"{name}: {role}"), said
        if len(turns) > TURNS:
            yield name, f"… and {len(turns) - TURNS} more"


def _turns(value: Any) -> list[tuple[str, str]]:
    """Role and content of messages, in either of the two spellings; nothing where it is not a list of them."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        return []
    return [
        (str(one.get("role") or one.get("from") or "turn"), _content(one))
        for one in value
        if "content" in one or "value" in one
    ]


def _content(turn: Mapping[str, Any]) -> str:
    said = turn.get("content") or turn.get("value")
    if isinstance(said, str):
        return said
    return orjson.dumps(turn.get("tool_calls") or said).decode()


def _cut(said: str) -> str:
    return said if len(said) <= CUT else said[:CUT].rstrip() + " …"
