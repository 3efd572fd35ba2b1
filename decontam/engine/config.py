"""Settings of the matching methods; each checks itself, so page, API, command line and worker say the same."""

from dataclasses import dataclass

from curation.engine.errors import BadConfig


@dataclass(frozen=True, slots=True)
class NgramConfig:
    """
    The n-gram rule of Tülu 3 (arXiv 2411.15124 §3.2), which the defaults are for ever.

    A word of an item counts as covered when an n-gram of `n` words that contains it occurs in the training row;
    the item is hit when more than `threshold` of its words are covered by one row.
    """

    n: int = 8
    threshold: float = 0.5

    def __post_init__(self) -> None:
        if isinstance(self.n, bool) or not isinstance(self.n, int):
            raise BadConfig(f"n must be a whole number of words, not {self.n!r}")
        if not 3 <= self.n <= 1000:
            raise BadConfig("n must be from 3 to 1000: shorter n-grams match ordinary prose")
        if isinstance(self.threshold, bool) or not isinstance(self.threshold, int | float):
            raise BadConfig(f"threshold must be a number, not {self.threshold!r}")
        if not 0 <= self.threshold < 1:
            raise BadConfig("threshold must be at least 0 and below 1: it is a share of an item's words")
