"""Reads the demo's texts, fills their slots, and makes choices that never change."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import yaml

HERE = Path(__file__).parent / "texts"
T = TypeVar("T")


def table(name: str) -> list[dict[str, str]]:
    """The rows of a table; its first line has the names of the columns."""
    head, *lines = (HERE / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    names = _cells(head)
    return [dict(zip(names, _cells(line), strict=True)) for line in lines]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split(" | ")]


def entries(name: str) -> Any:
    """What a YAML file says."""
    return yaml.safe_load((HERE / f"{name}.yaml").read_text(encoding="utf-8"))


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template with its slots filled: {dish} as it stands, {Dish} with a capital letter."""
    capital = {key.capitalize(): value[0].upper() + value[1:] for key, value in values.items()}
    return template.format_map({**values, **capital})


def words(text: str) -> list[str]:
    """The words of a text as the n-gram rule counts them."""
    return re.findall(r"\w+", text.lower())


class Dice:
    """Choices that are the same on every Python: `Random.random` promises that, its other methods do not."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def chance(self, share: float) -> bool:
        return self._random.random() < share

    def pick(self, of: Sequence[T]) -> T:
        return of[int(self._random.random() * len(of))]

    def shuffled(self, of: Sequence[T]) -> list[T]:
        order = sorted(range(len(of)), key=[self._random.random() for _ in of].__getitem__)
        return [of[i] for i in order]
