"""What a sample of rows shows: which columns there are, and what kind of values they hold."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from curation.engine.mapping.cells import getter, is_blank
from curation.engine.mapping.comparing import HH_TURN
from curation.engine.readers.columns import IDS, NAMES, plain

NUMBERED = re.compile(r"(output|response|completion|prediction|candidate|reply)_?([0-9]|[a-d])")
LOOKED_AT = 50


class Seen:
    """A sample of rows. Columns inside an object are seen as "outer.inner"."""

    def __init__(self, rows: Sequence[dict[str, Any]]) -> None:
        self.rows = rows
        self.counts: Counter[str] = Counter()
        for row in rows:
            for name, value in row.items():
                self._count(name, value)
        self.names = [name for name in self.counts if "." not in name or any(name in row for row in rows)]
        self.by_plain: dict[str, str] = {}
        for name in self.counts:
            self.by_plain.setdefault(plain(name), name)

    def _count(self, name: str, value: Any) -> None:
        self.counts[name] += not is_blank(value)
        if isinstance(value, dict):
            for inner, nested in value.items():
                self.counts[f"{name}.{inner}"] += not is_blank(nested)

    def named(self, name: str) -> str | None:
        """The column of this name, if most rows have a value there."""
        found = self.by_plain.get(name)
        return found if found and self.counts[found] * 2 > len(self.rows) else None

    def column(self, kind: str) -> str | None:
        """The first column of `NAMES[kind]` that most rows have a value in."""
        return next((found for name in NAMES[kind] if (found := self.named(name))), None)

    def any(self, kind: str) -> str | None:
        """The first column of `NAMES[kind]` that any row has a value in."""
        names = (self.by_plain.get(name) for name in NAMES[kind])
        return next((name for name in names if name and self.counts[name]), None)

    def text(self, kind: str) -> str | None:
        """The first column of `NAMES[kind]` that holds text."""
        found = (self.named(name) for name in NAMES[kind])
        return next(
            (name for name in found if name and all(isinstance(v, str) for v in self.values(name))), None
        )

    def talk(self, kind: str) -> str | None:
        """The first column of `NAMES[kind]`, or inside one, that holds lists of turns."""
        names = [*NAMES[kind], *(f"{name}.messages" for name in NAMES[kind])]
        return next((found for name in names if (found := self.named(name)) and self._are_turns(found)), None)

    def values(self, name: str) -> list[Any]:
        """Up to 50 values of a column, blank ones left out."""
        get = getter(name)
        return [value for row in self.rows[:LOOKED_AT] if not is_blank(value := get(row))]

    def answer(self) -> str | None:
        """The column of the reply. "target" is one only where it holds text."""
        found = self.column("completion")
        return None if found and plain(found) == "target" and self.are_numbers(found) else found

    def truth(self) -> str | None:
        """The column of what replies are checked against. "target" is one only where it holds numbers."""
        found = self.column("ground_truth")
        return None if found and plain(found) == "target" and not self.are_numbers(found) else found

    def are_numbers(self, name: str) -> bool:
        """The column holds numbers."""
        return all(isinstance(value, (int, float)) for value in self.values(name))

    def has_key(self, name: str, key: str) -> bool:
        """Some turn in the column has this key."""
        return any(isinstance(value, list) and key in value[0] for value in self.values(name))

    def are_transcripts(self, name: str) -> bool:
        """The column holds texts of Human: and Assistant: turns."""
        values = self.values(name)
        return bool(values) and all(isinstance(v, str) and HH_TURN.match(v.lstrip(" ")) for v in values)

    def are_whole(self, name: str) -> bool:
        """The column holds conversations from their beginning, not just replies."""
        values = self.values(name)
        return self._are_turns(name) and all(
            str(v[0].get("role", v[0].get("from"))).lower() in ("user", "human", "system", "developer")
            for v in values
            if isinstance(v, list)
        )

    def numbered(self) -> tuple[str, ...] | None:
        """Two columns or more that differ in a number or letter only, such as response1 and response2."""
        groups: dict[str, list[str]] = {}
        for name in self.names:
            if found := NUMBERED.fullmatch(plain(name)):
                groups.setdefault(found[1], []).append(name)
        return next((tuple(sorted(names)) for names in groups.values() if len(names) > 1), None)

    def unnamed(self) -> int:
        """The number of columns, if none of them has a name."""
        width = len(self.names)
        return width if self.names == [f"column_{i}" for i in range(1, width + 1)] else 0

    def wrapped(self) -> str | None:
        """The key under which a single object seems to hold all the rows."""
        if len(self.rows) != 1:
            return None
        lists = [k for k, v in self.rows[0].items() if isinstance(v, list) and v and isinstance(v[0], dict)]
        return lists[0] if len(lists) == 1 else None

    def own_id(self) -> str | None:
        """The first column of `IDS` in which every row has a scalar of its own."""
        found = (self.by_plain.get(name) for name in IDS)
        return next((name for name in found if name and self._identifies(name)), None)

    def _identifies(self, name: str) -> bool:
        get = getter(name)
        values = [get(row) for row in self.rows]
        scalars = all(
            isinstance(v, (str, int)) and not isinstance(v, bool) and not is_blank(v) for v in values
        )
        return scalars and len({str(v) for v in values}) == len(values)

    def _are_turns(self, name: str) -> bool:
        values = self.values(name)
        return bool(values) and all(_is_talk(value) for value in values)


def _is_talk(value: Any) -> bool:
    first = value[0] if isinstance(value, list) and value else None
    if isinstance(value, str):  # turns as JSON text, as CSV files hold them
        return value.lstrip().startswith("[{") and ('"role"' in value or '"from"' in value)
    return isinstance(first, dict) and ("role" in first or "from" in first)
