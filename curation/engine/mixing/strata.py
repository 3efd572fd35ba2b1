"""
Strata: groups of the rows of one component, by what its profile says of each row, and how much each group gives.

A row belongs to the first stratum that it fits; what fits none is the rest.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.engine.errors import BadConfig
from curation.engine.exploring import ATTRIBUTES, Query, Sheet, Type
from curation.engine.mixing.fields import known, number, one_of, said, whole

LANGUAGE = "language"
LANGUAGES = ("label.language", "label.lang", "meta.language", "meta.lang")
OWN = ("row", "id", "preview")
BY = re.compile(r"(label|meta)\.[\w .:/+-]{1,60}")
ATTRIBUTE_NAMES = tuple(name for name in ATTRIBUTES.names if name not in OWN)
MOST_STRATA = 50
MOST_ROWS = 10**12
LONGEST_VALUE = 200
HALVES = re.compile("[\ud800-\udfff]")  # of characters, which JSON may hold and no column does


@dataclass(frozen=True, slots=True)
class Stratum:
    """
    Rows whose column `by` of the profile is `value`, or from `low` to below `high`; they give a `share` (0 to 1) of
    what the component gives, or `rows` of it. `by` is a column such as `source`, `tokens`, `turns` or `label.topic`,
    or `language`, which is whichever of `label.language`, `label.lang` and the same of `meta` there is. Raises
    BadConfig.
    """

    by: str
    value: str | None = None
    low: float | None = None
    high: float | None = None
    share: float | None = None
    rows: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.by, str) or not (
            self.by in (*ATTRIBUTE_NAMES, LANGUAGE) or BY.fullmatch(self.by)
        ):
            raise BadConfig(
                f"by must be {LANGUAGE}, source, tokens, turns or another column of a profile, or label.… or meta.…, "
                f"not {said(self.by)}"
            )
        self._check_rows()
        one_of(f"The stratum {self.name}", {"share": self.share, "rows": self.rows})
        if self.share is not None:
            object.__setattr__(self, "share", number(f"{self.name}: share", self.share, 0, 1))
        if self.rows is not None:
            whole(f"{self.name}: rows", self.rows, 0, MOST_ROWS)

    def _check_rows(self) -> None:
        """Which rows: a value as text, whatever it was written as, or a range that goes up."""
        ends = [end for end in (self.low, self.high) if end is not None]
        if (self.value is None) == (not ends):
            raise BadConfig(f"The stratum by {self.by} needs a value, or a range: low, high or both")
        for end in ends:
            number(f"The range by {self.by}", end, -1e15, 1e15)
        if len(ends) == 2 and ends[0] >= ends[1]:
            raise BadConfig(f"{self.by}: a range goes up, and {ends[0]} to {ends[1]} does not")
        if self.value is not None:
            if not isinstance(self.value, str | int | float):
                raise BadConfig(f"The value of {self.by} must be a text or a number, not {said(self.value)}")
            text = str(self.value).lower() if isinstance(self.value, bool) else str(self.value)
            if not text or len(text) > LONGEST_VALUE or HALVES.search(text):
                raise BadConfig(f"The value of {self.by} must have 1 to {LONGEST_VALUE} whole characters")
            object.__setattr__(self, "value", text)

    @property
    def text(self) -> str:
        """What rows must have, as the address of the explorer says it."""
        if self.value is not None:
            return self.value
        return f"{_plain(self.low)}..{_plain(self.high)}"

    @property
    def name(self) -> str:
        return f"{self.by} {self.text}"

    @classmethod
    def of(cls, given: object) -> "Stratum":
        """From plain values, with None for what is absent."""
        if isinstance(given, Stratum):
            return given
        if not isinstance(given, Mapping):
            raise BadConfig(
                f"A stratum is a mapping of by, value or a range, and share or rows, not {said(given)}"
            )
        known("A stratum", given, {field.name for field in fields(cls)})
        if given.get("by") is None:
            raise BadConfig("A stratum has no by")
        return cls(**{key: value for key, value in given.items() if value is not None})


@dataclass(frozen=True, slots=True)
class Stock:
    """
    What a version has to give: `rows`, their `tokens` where they were counted, and both of each stratum and of the
    rest. `left_out` rows are duplicates of rows that are kept; they are in none of the others.
    """

    rows: int
    tokens: int | None = None
    strata: tuple[tuple[int, int], ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """Some rows of a version: their ids, the stratum of each (from 0; the last is the rest), and their tokens."""

    ids: pa.Array
    stratum: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.int64]


def stock(sheet: Sheet, strata: Sequence[Stratum], gone: pa.Array | None = None) -> Stock:
    """How many rows and tokens there are of each stratum, without the rows whose ids are `gone`; one scan."""
    case, bound, columns = _sorted_into(strata, sheet.types)
    counted, without = "count(*) AS rows, coalesce(sum(tokens), 0) AS tokens", ""
    columns = [*columns, "tokens", "id"]
    if gone is not None and len(gone):
        sheet.give("gone", pa.table({"id": gone}))
        without = " WHERE id NOT IN (SELECT id FROM gone)"
    query = f"SELECT {case} AS stratum, {counted} FROM attributes{without} GROUP BY 1"
    found = sheet.ask(query, bound, columns).to_pylist() if sheet.rows else []
    told = {row["stratum"]: (int(row["rows"]), int(row["tokens"])) for row in found}
    parts = tuple(told.get(place, (0, 0)) for place in range(len(strata) + 1))
    rows, tokens = sum(part[0] for part in parts), sum(part[1] for part in parts)
    return Stock(rows, tokens, parts if strata else (), sheet.rows - rows)


def measured(sheet: Sheet, strata: Sequence[Stratum]) -> Iterator[Measured]:
    """Every row in the order of the version."""
    if not sheet.rows:
        return
    case, bound, columns = _sorted_into(strata, sheet.types)
    query = f"SELECT id, CAST({case} AS BIGINT) AS stratum, tokens FROM attributes"
    for batch in sheet.stream(query, bound, [*columns, "tokens", "id"]):
        yield Measured(
            batch.column("id"), batch.column("stratum").to_numpy(), batch.column("tokens").to_numpy()
        )


def _sorted_into(strata: Sequence[Stratum], types: Mapping[str, Type]) -> tuple[str, list[Any], list[str]]:
    """The number of the first stratum that a row fits, as SQL, what that is bound to, and the columns it reads."""
    cases, bound, columns = [], [], []
    for place, stratum in enumerate(strata):
        column = column_of(stratum.by, types)
        condition, values = Query.parse([(column, stratum.text)], types).condition()
        cases.append(f"WHEN {condition} THEN {place}")
        bound += values
        columns.append(column)
    return f"CASE {' '.join(cases)} ELSE {len(strata)} END" if cases else "0", bound, columns


def column_of(by: str, types: Mapping[str, Type]) -> str:
    """The column of a profile that is meant; BadConfig when it has none."""
    column = by if by != LANGUAGE else next((name for name in LANGUAGES if name in types), LANGUAGE)
    if column not in types:
        there = [name for name in types if name.startswith(("label.", "meta."))]
        raise BadConfig(
            f"there is no {by} in the profile, which has the keys of labels and meta that one row in a hundred has: "
            f"{', '.join(there) or 'none'}"
        )
    return column


def _plain(end: float | None) -> str:
    return "" if end is None else str(int(end)) if float(end).is_integer() else str(end)
