"""How far two people agree who ruled on the same pairs."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Between:
    """Two people: the pairs that both ruled, on how many they agree, and Cohen's kappa where it is defined."""

    first: int
    second: int
    pairs: int
    agreed: int
    kappa: float | None

    @property
    def share(self) -> float:
        return self.agreed / self.pairs


@dataclass(frozen=True, slots=True)
class Agreement:
    """Over all pairs that two or more people ruled: on how many everybody agrees; and of each two people."""

    pairs: int
    agreed: int
    between: list[Between]

    @property
    def share(self) -> float:
        return self.agreed / self.pairs if self.pairs else 0.0

    @property
    def disputed(self) -> int:
        return self.pairs - self.agreed


def kappa(table: np.ndarray) -> float | None:
    """
    Cohen's kappa of a square table of counts, rows by one person's verdicts and columns by the other's (Cohen, A
    coefficient of agreement for nominal scales, 1960). None where both said one and the same thing throughout.
    """
    shares = table / table.sum()
    chance = float(shares.sum(axis=0) @ shares.sum(axis=1))
    return None if chance >= 1 else float((np.trace(shares) - chance) / (1 - chance))


def agreement(said: dict[int, np.ndarray]) -> Agreement:
    """`said` has an array of equal length for each person: of each pair 0, or the verdict they gave, from 1."""
    if len(said) < 2:
        return Agreement(0, 0, [])
    every = np.stack(list(said.values()))
    several = np.count_nonzero(every, axis=0) > 1
    every = every[:, several]
    highest, lowest = every.max(axis=0, initial=0), np.where(every, every, 127).min(axis=0, initial=127)
    people = dict(zip(said, every, strict=True))
    between = [
        _between(one, other, people)
        for place, one in enumerate(people)
        for other in list(people)[place + 1 :]
    ]
    between = [one for one in between if one.pairs]
    return Agreement(every.shape[1], int(np.count_nonzero(highest == lowest)), between)


def _between(first: int, second: int, said: dict[int, np.ndarray]) -> Between:
    both = (said[first] != 0) & (said[second] != 0)
    one, other = (said[person][both].astype(np.int64) for person in (first, second))
    size = 1 + max(one.max(initial=1), other.max(initial=1))
    table = np.bincount(one * size + other, minlength=size * size).reshape(size, size)[1:, 1:]
    pairs = int(table.sum())
    return Between(first, second, pairs, int(np.trace(table)), kappa(table) if pairs else None)
