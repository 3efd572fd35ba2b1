"""What a column of attributes holds."""

from enum import StrEnum

import pyarrow as pa


class Type(StrEnum):
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TEXT = "text"

    @property
    def arrow(self) -> pa.DataType:
        return _ARROW[self]

    @property
    def numeric(self) -> bool:
        return self in (Type.INTEGER, Type.NUMBER)


_ARROW = {
    Type.INTEGER: pa.int64(),
    Type.NUMBER: pa.float64(),
    Type.BOOLEAN: pa.bool_(),
    Type.TEXT: pa.string(),
}


def types_of(schema: pa.Schema) -> dict[str, Type]:
    """The columns of attribute shards, in their order."""
    named = {arrow: one for one, arrow in _ARROW.items()}
    return {field.name: named[field.type] for field in schema}
