"""Cells of a row: where they are, what they say as text, and how the rest is kept."""

import base64
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson

Row = dict[str, Any]
Getter = Callable[[Row], Any]
KINDS = {dict: "an object", list: "a list", int: "a number", float: "a number", bool: "true or false"}


class Unusable(Exception):
    """The row cannot become a content; the text says why, for the list of rejected rows."""


def getter(path: str) -> Getter:
    """Reads the column `path`; dots go into objects, unless a column is called so. None when absent."""
    if "." not in path:
        return lambda data: data.get(path)
    steps = path.split(".")

    def nested(data: Row) -> Any:
        if path in data:
            return data[path]
        value: Any = data
        for step in steps:
            value = _inside(value, step)
        return value

    return nested


def text(value: Any, what: str) -> str:
    """A string that says something. Numbers are no text: 1.0 and "1" would be one."""
    if isinstance(value, str):
        if value and not value.isspace():
            return value
        raise Unusable(f"{what} is empty")
    if value is None:
        raise Unusable(f"{what} is missing")
    raise Unusable(f"{what} is {KINDS.get(type(value), 'no text')}, not text")


def scalar(value: Any, what: str) -> str:
    """Like `text`, but a number or a truth value counts, as in answers: 42 → "42", True → "true"."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, Decimal)) and value == value:  # not NaN
        return str(value)
    return text(value, what)


def optional(value: Any, what: str) -> str | None:
    """Text, or None for what is absent or blank."""
    return None if is_blank(value) else text(value, what)


def is_blank(value: Any) -> bool:
    """Absent, empty, only white space, or the NaN that stands for absent in tables."""
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or value in ([], {}) or value != value


def json_text(value: Any, what: str) -> str | None:
    """Structured data as a JSON string: strings must already be JSON; None for what is absent or empty."""
    if is_blank(value):
        return None
    if not isinstance(value, str):
        return kept(value, what)
    try:
        parsed = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise Unusable(f"{what} is not valid JSON: {error.msg}") from error
    return None if is_blank(parsed) else value


def plain(value: Any, what: str) -> str | None:
    """A string as it is, anything else as JSON; None for what is absent or empty."""
    if is_blank(value):
        return None
    if isinstance(value, (list, dict)):
        return kept(value, what)
    return scalar(value, what)


def kept(value: Any, what: str) -> str:
    """Any value for safe keeping: a string as it is, everything else as JSON (bytes as base64)."""
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value, default=_as_json, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError as error:
        raise Unusable(f"{what} cannot be kept as JSON: {error}") from error


def _as_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, int):
        raise TypeError("a number beyond 64 bits")
    return str(value)


def _inside(value: Any, step: str) -> Any:
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
        return value[int(step)]
    return None
