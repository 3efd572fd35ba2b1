"""
What is known of clean rows: how close they come to each item, and how high they score at all.

A calibration belongs to one index; it travels as a table of one row for each benchmark.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import orjson
import pyarrow as pa

from curation.engine.errors import BadInput
from curation.engine.text.jit import Array

HIGHEST = 20
_FLOATS = pa.list_(pa.float32())
TABLE = pa.schema(
    [
        ("benchmark", pa.string()),
        ("passages", pa.int64()),
        ("rows_fitted", pa.int64()),
        ("rows_held_out", pa.int64()),
        ("rows_set_aside", pa.int64()),
        ("threshold", pa.float64()),
        ("fitted_rate", pa.float64()),
        ("held_out_rate", pa.float64()),
        (
            "highest",
            pa.list_(pa.struct([("row", pa.int64()), ("item", pa.int64()), ("score", pa.float64())])),
        ),
        ("scales", pa.list_(pa.struct([("centre", pa.float64()), ("width", pa.float64())]))),
        ("having", pa.list_(pa.int32())),
        ("near", _FLOATS),
        ("shared", _FLOATS),
        ("totals", _FLOATS),
    ]
)


class Scale(NamedTuple):
    """Where the best values of clean rows lie and how far they spread: makes pieces of evidence comparable."""

    centre: float
    width: float

    @classmethod
    def of(cls, best: Array) -> "Scale":
        """From each row's best value: the median, and from there to what one in ten exceeds."""
        centre, high = np.quantile(best, (0.5, 0.9))
        return cls(float(centre), max(float(high - centre), 1e-3))


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """
    One benchmark's background of clean passages.

    `having` counts the passages with each of the benchmark's features; `near` and `shared` say how close the nearest
    hundredth of them comes to each item; `totals` are the scores of the clean rows, highest first; `highest` are the
    rows of both halves that score most, for people to look at. `rows_set_aside` scored so far above the rest that they
    were taken for contaminated and not counted as clean.
    """

    passages: int
    rows_fitted: int
    rows_held_out: int
    rows_set_aside: int
    threshold: float
    fitted_rate: float
    held_out_rate: float
    highest: list[dict[str, Any]]
    scales: list[Scale]  # of each piece of evidence
    having: Array  # int32
    near: Array  # float32[items], or empty without an encoder
    shared: Array  # float32[items]
    totals: Array  # float32, falling

    def certainty(self, totals: Array) -> Array:
        """
        1 - the estimated share of clean rows that score as high: by rank, and beyond the highest clean row by an
        exponential tail as steep as that of the upper tenth.
        """
        rising = self.totals[::-1].astype(np.float64)
        rates = np.log(np.arange(len(rising), 0, -1) / (len(rising) + 1))
        upper = rising[-max(2, len(rising) // 10) :]
        steepness = max(float(upper.mean() - upper[0]), 1e-6)
        rate = np.interp(totals, rising, rates) - np.maximum(totals - rising[-1], 0) / steepness
        certain: Array = -np.expm1(np.maximum(rate, np.log(1e-12)))
        return certain

    def row(self, benchmark: str) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in TABLE.names if name != "benchmark"}
        return plain | {"benchmark": benchmark, "scales": [scale._asdict() for scale in self.scales]}

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "Background":
        arrays: dict[str, Any] = {
            name: np.array(row[name], np.float32) for name in ("near", "shared", "totals")
        }
        arrays["having"] = np.array(row["having"], np.int32)
        scales = [Scale(**scale) for scale in row["scales"]]
        plain = {name: row[name] for name in TABLE.names if name != "benchmark"}
        return cls(**plain | arrays | {"scales": scales})


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Backgrounds by benchmark, and the identity of the index that they were measured with."""

    index: str
    backgrounds: dict[str, Background]

    def to_table(self) -> Any:
        """A pyarrow Table of schema `TABLE`, which `from_table` reads on another machine."""
        rows = [background.row(name) for name, background in self.backgrounds.items()]
        schema = TABLE.with_metadata({"semantic": orjson.dumps({"index": self.index})})
        return pa.Table.from_pylist(rows, schema)

    @classmethod
    def from_table(cls, table: Any) -> "Calibration":
        try:
            index = orjson.loads(table.schema.metadata[b"semantic"])["index"]
            backgrounds = {row["benchmark"]: Background.of_row(row) for row in table.to_pylist()}
        except (KeyError, TypeError, orjson.JSONDecodeError) as error:
            raise BadInput(f"This table is no calibration of the semantic method: {error!r}") from error
        return cls(index, backgrounds)


def highest(found: Iterable[tuple[float, int, int]], background: Background) -> list[dict[str, Any]]:
    """Of (total, row, item): the highest, with their certainty, rows of equal totals in order."""
    best = sorted(found, key=lambda one: (-one[0], one[1]))[:HIGHEST]
    scores = background.certainty(np.array([total for total, _, _ in best], np.float64))
    return [
        {"row": row, "item": item, "score": float(score)}
        for (_, row, item), score in zip(best, scores, strict=True)
    ]
