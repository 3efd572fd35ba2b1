"""The fields of a recipe, checked one by one: a number is never a text, and 1 never stands for 1.0."""

from collections.abc import Mapping
from typing import Any

from curation.engine.errors import BadConfig

MOST = 10**15
LONGEST = 60


def whole(what: str, value: object, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadConfig(f"{what} must be a whole number, not {said(value)}")
    if not least <= value <= most:
        raise BadConfig(f"{what} must be {least:,} to {most:,}, not {said(value)}")


def number(what: str, value: object, least: float, most: float) -> float:
    """
    A number with or without a fraction: JSON from a browser writes 1.0 as 1, and the field's name says what is meant.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadConfig(f"{what} must be a number like 0.5, not {said(value)}")
    if not least <= value <= most:
        raise BadConfig(f"{what} must be {least:,} to {most:,}, not {said(value)}")
    return float(value)


def one_of(what: str, given: Mapping[str, object]) -> None:
    """Exactly one of these was given."""
    if sum(value is not None for value in given.values()) != 1:
        *most, last = given
        raise BadConfig(f"{what}: give one of {', '.join(most)} and {last}, exactly one of them")


def known(what: str, given: Mapping[Any, Any], names: set[str]) -> None:
    if unknown := sorted(str(key) for key in given if key not in names):
        raise BadConfig(f"{what} has no {', '.join(unknown)}; it has {', '.join(sorted(names))}")


def said(value: object) -> str:
    """A value as its writer would recognise it, with its type where that is the point."""
    if value is None:
        return "nothing"
    if isinstance(value, int) and abs(value) > MOST:
        return "a number of that size"
    kinds: dict[type, str] = {str: "the text ", bool: "the truth value ", list: "the list "}
    shown = repr(value)
    return kinds.get(type(value), "") + (shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…")
