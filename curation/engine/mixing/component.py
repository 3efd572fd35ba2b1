"""One dataset of a recipe, and how much of it."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

from curation.engine.errors import BadConfig
from curation.engine.mixing.fields import known, number, one_of, said, whole
from curation.engine.mixing.strata import MOST_ROWS, MOST_STRATA, Stratum
from curation.engine.names import NAME

DATASET = re.compile(rf"({NAME.pattern})(?:@([1-9][0-9]{{0,8}}))?")
MOST_REPEATS = 1000
MOST_TOKENS = 10**15
MOST_WEIGHT = 10**9
AMOUNTS = ("rows", "tokens", "fraction", "weight")


@dataclass(frozen=True, slots=True)
class Component:
    """
    How much of a dataset goes into the mixture: `rows` rows, `tokens` tokens, a `fraction` of its rows (1.0 = all,
    2.0 = all of them twice), or a `weight`, by which the budget of the recipe is shared. At least `floor` and at most
    `cap`, in rows, or in tokens where tokens are asked for; no row more often than `max_repeats`. `strata` say what
    groups of its rows give of that. Raises BadConfig.
    """

    dataset: str
    rows: int | None = None
    fraction: float | None = None
    cap: int | None = None
    max_repeats: int = 1
    tokens: int | None = None
    weight: float | None = None
    floor: int | None = None
    strata: tuple[Stratum, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.dataset, str) or not DATASET.fullmatch(self.dataset):
            raise BadConfig(
                f"dataset must be a name, or a name and a version like ecqa@2, not {said(self.dataset)}"
            )
        one_of(self.dataset, {name: getattr(self, name) for name in AMOUNTS})
        limits = {"rows": (0, MOST_ROWS), "tokens": (0, MOST_TOKENS), "floor": (1, MOST_TOKENS)}
        limits |= {"cap": (1, MOST_TOKENS)}
        for name, (least, most) in limits.items():
            if getattr(self, name) is not None:
                whole(f"{self.dataset}: {name}", getattr(self, name), least, most)
        whole(f"{self.dataset}: max_repeats", self.max_repeats, 1, MOST_REPEATS)
        if self.floor and self.cap and self.floor > self.cap:
            raise BadConfig(f"{self.dataset}: the floor of {self.floor:,} is above the cap of {self.cap:,}")
        self._check_numbers()
        self._check_strata()

    def _check_numbers(self) -> None:
        if self.weight is not None:
            weight = number(f"{self.dataset}: weight", self.weight, 0, MOST_WEIGHT)
            if not weight:
                raise BadConfig(f"{self.dataset}: a weight is above 0; leave the dataset out instead")
            object.__setattr__(self, "weight", weight)
        if self.fraction is not None:
            fraction = number(f"{self.dataset}: fraction", self.fraction, 0, MOST_REPEATS)
            if fraction > self.max_repeats and self.cap is None:
                raise BadConfig(
                    f"{self.dataset}: fraction {self.fraction} repeats rows more often than max_repeats "
                    f"{self.max_repeats}; raise max_repeats to {math.ceil(fraction)} or set a cap"
                )
            object.__setattr__(self, "fraction", fraction)

    def _check_strata(self) -> None:
        if not isinstance(self.strata, list | tuple):
            raise BadConfig(f"{self.dataset}: strata must be a list, not {said(self.strata)}")
        if len(self.strata) > MOST_STRATA:
            raise BadConfig(f"{self.dataset}: {len(self.strata)} strata are more than {MOST_STRATA}")
        object.__setattr__(self, "strata", tuple(Stratum.of(one) for one in self.strata))
        shares = [one.share for one in self.strata if one.share is not None]
        if math.fsum(shares) > 1 + 1e-9:
            raise BadConfig(
                f"{self.dataset}: the shares of its strata add up to {math.fsum(shares):.4g}, above 1"
            )

    @classmethod
    def of(cls, place: int, given: object) -> "Component":
        """From plain values, with None for what is absent; `place` is its number in the recipe."""
        if isinstance(given, Component):
            return given
        if not isinstance(given, Mapping):
            raise BadConfig(f"Component {place} must be a mapping with a dataset, not {said(given)}")
        known(f"Component {place}", given, {field.name for field in fields(cls)})
        if given.get("dataset") is None:
            raise BadConfig(f"Component {place} has no dataset")
        return cls(**{key: value for key, value in given.items() if value is not None})

    @property
    def name(self) -> str:
        """The dataset without its version."""
        return self.dataset.partition("@")[0]

    @property
    def number(self) -> int | None:
        """The pinned version; None means the newest."""
        number = self.dataset.partition("@")[2]
        return int(number) if number else None
