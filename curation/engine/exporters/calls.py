"""
Tool calls and tool descriptions: JSON text in records, typed columns in exports.

A record keeps `tool_calls` as one JSON text. A trainer wants a list it can walk over, but not arguments as an
Arrow struct, where every row would get every key of every tool, null-filled. The form that survives both is
OpenAI's own: `{id, type, function: {name, arguments}}` with `arguments` as JSON text
(platform.openai.com/docs/api-reference/chat; TRL, "Tool calling", docs/source/dataset_formats.md).
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

CALL = pa.struct(
    [
        pa.field("id", pa.string()),
        pa.field("type", pa.string()),
        pa.field("function", pa.struct([pa.field("name", pa.string()), pa.field("arguments", pa.string())])),
    ]
)
CALLS = pa.list_(CALL)
HALF = re.compile(r"\\u[dD][89a-fA-F]")
NOTHING = frozenset(("", "[]", "null"))

Call = tuple[str | None, str, str, str]


def parse_calls(column: pa.Array) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """
    The calls of each turn as CALLS, null for a turn without any, and a mask of the turns whose text is not a
    list of calls with a name and an object of arguments. Arguments that were text stay the same text; none
    means `{}`.
    """
    bad = np.zeros(len(column), bool)
    if column.null_count == len(column):
        return pa.nulls(len(column), CALLS), bad
    ends: list[int] = [0]
    none = np.ones(len(column), bool)
    calls: list[Call] = []
    for row, text in enumerate(column.to_pylist()):
        if text is not None and text.strip() not in NOTHING:
            try:
                calls += [_call(given) for given in _list(text)]
                none[row] = False
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                bad[row] = True
        ends.append(len(calls))
    return _typed(calls, ends, none), bad


def parse_tools(column: pa.Array) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """
    The `tools` column with null for an empty list, and a mask of the rows whose text is not a list of JSON
    objects. Each different text is read once.
    """
    if column.null_count == len(column):
        return column, np.zeros(len(column), bool)
    texts = column.dictionary_encode()
    known = texts.dictionary.to_pylist()
    empty = [text.strip() in NOTHING for text in known]
    bad = [not (nothing or _is_list_of_objects(text)) for text, nothing in zip(known, empty, strict=True)]
    codes = texts.indices.fill_null(len(known)).to_numpy()
    kept = pa.array(
        [None if nothing else text for text, nothing in zip(known, empty, strict=True)] + [None], pa.string()
    )
    return kept.take(pa.array(codes)), np.array([*bad, False])[codes]


def complete_tools(column: pa.Array) -> pa.Array:
    """
    Tools that `parse_tools` let pass, each with the properties of its `parameters` where it says none, and with its
    type: readers that walk over them without asking fail. A text that has them all stays the same text.
    """
    texts = column.dictionary_encode()
    return pa.array(map(_complete, texts.dictionary.to_pylist()), pa.string()).take(texts.indices)


def _complete(text: str) -> str:
    given = _list(text)
    made = [_with_properties(tool) for tool in given]
    return text if made == given else json.dumps(made)


def _with_properties(tool: dict[str, Any]) -> dict[str, Any]:
    inner = tool.get("function")
    if isinstance(inner, dict):
        return tool | {"type": tool.get("type") or "function", "function": _with_properties(inner)}
    parameters = tool.get("parameters") or {}
    if "name" not in tool or not isinstance(parameters, dict) or parameters.get("properties"):
        return tool
    return tool | {"parameters": {"type": "object"} | parameters | {"properties": {}}}


def _read(text: str) -> Any:
    """
    JSON that every reader takes: without NaN, numbers beyond a double and halves of characters. Not orjson's reader,
    which turns whole numbers of more than 64 bits into floats.
    """
    given = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    if HALF.search(text):
        json.dumps(given, ensure_ascii=False).encode()  # refuses half a surrogate pair
    return given


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError(text)
    return number


def _list(text: str) -> list[Any]:
    given = _read(text)
    if not isinstance(given, list):
        raise TypeError
    return given


def _is_list_of_objects(text: str) -> bool:
    try:
        return all(isinstance(tool, dict) for tool in _list(text))
    except (ValueError, TypeError, RecursionError):
        return False


def _call(given: Mapping[str, Any]) -> Call:
    identity, kind, function = given.get("id"), given.get("type") or "function", given["function"]
    call = (identity, kind, function["name"], _arguments(function.get("arguments")))
    if not isinstance(identity, str | None) or not all(isinstance(value, str) for value in call[1:]):
        raise TypeError
    "".join(value or "" for value in call).encode()  # refuses half a surrogate pair, which Arrow cannot hold
    return call


def _arguments(given: object) -> str:
    if given is None or given == "":
        return "{}"
    compact = (",", ":")
    text = (
        given
        if isinstance(given, str)
        else json.dumps(given, ensure_ascii=False, separators=compact, allow_nan=False)
    )
    if not isinstance(_read(text), dict):
        raise TypeError
    return text


def _typed(calls: list[Call], ends: list[int], none: npt.NDArray[np.bool_]) -> pa.Array:
    identity, kind, name, arguments = (pa.array([call[i] for call in calls], pa.string()) for i in range(4))
    function = pa.StructArray.from_arrays([name, arguments], fields=list(CALL.field("function").type))
    typed = pa.StructArray.from_arrays([identity, kind, function], fields=list(CALL))
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), typed, mask=pa.array(none))
