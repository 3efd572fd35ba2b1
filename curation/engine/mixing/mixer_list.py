"""
open-instruct's `--dataset_mixer_list`: names and amounts in turn, a whole number for rows, one with a point for a
fraction (`open_instruct/dataset_transformation.py`, get_dataset_v1). There `1` is one row and `1.0` all rows, and
older releases took `1` for all: both are read as they are written, and said.
"""

import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from curation.engine.errors import BadConfig
from curation.engine.mixing.component import MOST_REPEATS, Component
from curation.engine.mixing.planning import Share
from curation.engine.mixing.strata import MOST_ROWS

FLAG = "--dataset_mixer_list"
LONGEST = 100_000
MOST = 200
ROWS = re.compile(r"\d{1,13}", re.ASCII)
FRACTION = re.compile(r"(\d{1,6}\.\d{0,30}|\.\d{1,30})", re.ASCII)
FILE = re.compile(r"(\.(jsonl?|parquet|csv|arrow))(\.(gz|zst))?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One name of a mixer list with its amount, and what a reader should know of it."""

    name: str
    rows: int | None = None
    fraction: float | None = None
    note: str = ""

    def plain(self, dataset: str) -> dict[str, Any]:
        """A component of that dataset, as `Component` takes it; it repeats rows as often as the amount needs."""
        if self.rows is not None:
            return {"dataset": dataset, "rows": self.rows}
        times = max(1, math.ceil(self.fraction or 0))
        return {"dataset": dataset, "fraction": self.fraction} | ({"max_repeats": times} if times > 1 else {})


def read_mixer_list(text: str) -> list[Entry]:
    """
    The entries of a mixer list, as it stands on a command line: with or without its flag, quotes and backslashes; what
    other flags say is passed over. Raises BadConfig.
    """
    if len(text) > LONGEST:
        raise BadConfig(f"The list is longer than {LONGEST:,} characters")
    words = _own(_words(text))
    if not words:
        raise BadConfig(f"There is nothing in the list; it is written {FLAG} name 1000 other/name 0.5")
    if len(words) % 2:
        raise BadConfig(f"The list names {words[-1]!r} and no amount for it; names and amounts stand in turn")
    if len(words) > 2 * MOST:
        raise BadConfig(f"The list has {len(words) // 2} datasets; a recipe takes {MOST}")
    return [_entry(name, amount) for name, amount in zip(words[::2], words[1::2], strict=True)]


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text.replace("\\\n", " ").replace("\\\r\n", " "), comments=True)
    except ValueError as error:
        raise BadConfig(f"The list cannot be read as a command line: {error}") from None


def _own(words: list[str]) -> list[str]:
    """What stands behind the flag, or all of it where there is none, up to the next flag."""
    begin = words.index(FLAG) + 1 if FLAG in words else 0
    rest = words[begin:]
    end = next((place for place, word in enumerate(rest) if word.startswith("--")), len(rest))
    return rest[:end]


def _entry(name: str, amount: str) -> Entry:
    if ROWS.fullmatch(amount):
        rows = int(amount)
        if rows > MOST_ROWS:
            raise BadConfig(f"{name}: {rows:,} rows are more than {MOST_ROWS:,}")
        said = f"{name} 1 is one row; 1.0 would be all of them, which older releases took 1 for."
        return Entry(name, rows=rows, note=said if rows == 1 else "")
    if FRACTION.fullmatch(amount):
        fraction = float(amount)
        if fraction > MOST_REPEATS:
            raise BadConfig(f"{name}: a fraction of {amount} repeats rows more than {MOST_REPEATS:,} times")
        said = f"{name} {amount} is all of its rows; 1 would be a single one."
        return Entry(name, fraction=fraction, note=said if fraction == 1 else "")
    raise BadConfig(f"{name}: {amount!r} is no amount; write rows as 1000 and a fraction as 0.5")


def matched(entries: Sequence[Entry], known: Mapping[str, str]) -> dict[str, str]:
    """
    The dataset that each name of a list means; names that are not there are left out. `known` maps what datasets are
    known by (their own names, where their sources lie) to their names.
    """
    by = {key.casefold(): name for key, name in known.items()}
    found = {}
    for entry in entries:
        keys = (entry.name, _slug(entry.name))
        if name := next((by[key.casefold()] for key in keys if key.casefold() in by), None):
            found[entry.name] = name
    return found


def _slug(name: str) -> str:
    """The last part of a path or a Hub id, as names of datasets are written here."""
    last = FILE.sub("", name.rstrip("/").rpartition("/")[2])
    return re.sub(r"[^A-Za-z0-9_-]+", "-", last).strip("-")


def write_mixer_list(amounts: Mapping[str, str]) -> str:
    """A mixer list on one line; an amount is written by `amount_of`."""
    return " ".join([FLAG, *(f"{shlex.quote(name)} {amount}" for name, amount in amounts.items())])


def amount_of(component: Component, share: Share) -> str:
    """
    How a mixer list says what a component gives: a fraction where it is one, else rows. What it cannot say (strata,
    caps, weights, tokens) is said by the rows that come of it.
    """
    plain = not (share.capped or share.floored or share.left_out)
    if component.fraction is not None and plain:
        whole, _, rest = format(Decimal(repr(component.fraction)), "f").partition(".")
        return f"{whole}.{rest or 0}"
    return str(share.rows)
