"""Rows of plain columns that every export has, whatever its records hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from curation.engine.exporters.choosing import Chosen
from curation.engine.exporters.profiles.conversations import Features


@dataclass(frozen=True, slots=True)
class Plain:
    """A layout of one schema; `filled` gives the columns that the rule has not."""

    fixed: pa.Schema
    filled: Callable[[Chosen], Mapping[str, pa.Array]]

    @property
    def optional(self) -> Features:
        return frozenset()

    def occurring(self, chosen: Chosen) -> Features:
        return frozenset()

    def schema(self, features: Features) -> pa.Schema:
        return self.fixed

    def columns(self, chosen: Chosen, features: Features) -> Mapping[str, pa.Array]:
        return {**chosen.columns, **self.filled(chosen)}
