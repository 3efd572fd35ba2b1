"""
What a mapping is: the shape of a source's rows, and which column plays which role in it.

A mapping is saved with its source as plain JSON and versioned; its options say how the files are read, so
that bytes and mapping together always give the same contents.
"""

from collections.abc import Mapping as Table
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, NamedTuple

from curation.engine.errors import BadConfig
from curation.engine.readers import Options
from curation.engine.records import ROLES

Path = str | tuple[str, ...]


class Shape(StrEnum):
    """The shapes that published data comes in."""

    MESSAGES = "messages"
    SHAREGPT = "sharegpt"
    ALPACA = "alpaca"
    PROMPT_COMPLETION = "prompt_completion"
    QUESTION_ANSWER = "question_answer"
    SELF_INSTRUCT = "self_instruct"
    PREFERENCE = "preference"
    PREFERENCE_FULL = "preference_full"
    HH = "hh"
    TRANSCRIPT = "transcript"
    UNPAIRED = "unpaired"
    CANDIDATES = "candidates"
    RLVR = "rlvr"
    PROMPT = "prompt"
    TURNS = "turns"
    TEXT = "text"


class Roles(NamedTuple):
    """What a shape needs, what it can use beside that, and what it is in words."""

    needed: tuple[str, ...]
    optional: tuple[str, ...]
    words: str


ANY_SHAPE = ("system", "tools", "images", "ground_truth", "verifier", "constraints", "licence")
CONSTANTS = ("system", "verifier", "constraints", "licence")
PAIR = ("chosen_score", "rejected_score", "chosen_model", "rejected_model")
ASKED = ("context", "input", "history")
SHAPES: dict[Shape, Roles] = {
    Shape.MESSAGES: Roles(("messages",), (), "a list of {role, content} turns"),
    Shape.SHAREGPT: Roles(("messages",), (), "a list of {from, value} turns"),
    Shape.ALPACA: Roles(("prompt",), (*ASKED, "completion"), "an instruction, its input and its output"),
    Shape.PROMPT_COMPLETION: Roles(("prompt", "completion"), ASKED, "a prompt and its reply"),
    Shape.QUESTION_ANSWER: Roles(
        ("prompt", "completion"), ASKED, "a question and its answer, numbers included"
    ),
    Shape.SELF_INSTRUCT: Roles(("prompt", "instances"), (), "an instruction and a list of {input, output}"),
    Shape.PREFERENCE: Roles(("prompt", "chosen", "rejected"), (*ASKED, *PAIR), "a prompt and two replies"),
    Shape.PREFERENCE_FULL: Roles(
        ("chosen", "rejected"), ("prompt", *PAIR), "two whole conversations that part"
    ),
    Shape.HH: Roles(("chosen", "rejected"), PAIR, "two texts of Human: and Assistant: turns that part"),
    Shape.TRANSCRIPT: Roles(("text",), (), "a text of Human: and Assistant: turns"),
    Shape.UNPAIRED: Roles(("prompt", "label"), (*ASKED, "completion"), "a reply with a thumb up or down"),
    Shape.CANDIDATES: Roles(("prompt", "completions"), ASKED, "a prompt and several replies, none preferred"),
    Shape.RLVR: Roles(("prompt", "ground_truth"), ASKED, "a prompt and what its reply is checked against"),
    Shape.PROMPT: Roles(("prompt",), ASKED, "a prompt alone"),
    Shape.TURNS: Roles(("turns",), (), "a list of what the user says, turn by turn"),
    Shape.TEXT: Roles(("text",), (), "a document"),
}


@dataclass(frozen=True, slots=True)
class Mapping:
    """
    How rows become contents.

    `fields` gives each role its column: "a.b" for a nested one, "a.0" for a place in a list; `completions`
    may be several columns. `id` is the column of the source's own id. `roles` renames speakers. `constants`
    fill roles that have no column. `unescape` turns backslash escapes into what they mean.
    """

    shape: Shape
    fields: Table[str, Path]
    id: str | None = None
    roles: Table[str, str] = field(default_factory=dict)
    constants: Table[str, str] = field(default_factory=dict)
    unescape: bool = False
    options: Options = field(default_factory=Options)

    def __post_init__(self) -> None:
        needed, optional, _ = SHAPES[self.shape]
        if missing := [role for role in needed if not self.fields.get(role)]:
            raise BadConfig(f"The shape {self.shape} needs a column for {' and '.join(missing)}")
        allowed = (*needed, *optional, *ANY_SHAPE)
        if unknown := [role for role in self.fields if role not in allowed]:
            raise BadConfig(f"The shape {self.shape} has no {unknown[0]}; it has {', '.join(allowed)}")
        for role, path in self.fields.items():
            _check_path(role, path)
        self._check_extras()

    def _check_extras(self) -> None:
        if self.id is not None:
            _check_path("id", self.id)
        for name, role in self.roles.items():
            if role not in ROLES:
                raise BadConfig(f'"{name}" cannot be renamed to {role}: speakers are {", ".join(ROLES)}')
        for role, value in self.constants.items():
            if role not in CONSTANTS or role in self.fields or not isinstance(value, str):
                raise BadConfig(f"{role} cannot be a constant here; {', '.join(CONSTANTS)} can, as text")
        if not isinstance(self.unescape, bool):
            raise BadConfig("unescape must be true or false")

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values; `from_dict` reads them back."""
        listed = {role: list(path) if isinstance(path, tuple) else path for role, path in self.fields.items()}
        return {
            "shape": self.shape.value,
            "fields": listed,
            "id": self.id,
            "roles": dict(self.roles),
            "constants": dict(self.constants),
            "unescape": self.unescape,
            "options": asdict(self.options),
        }

    @classmethod
    def from_dict(cls, saved: Table[str, Any]) -> "Mapping":
        """The mapping that a JSON object describes. Raises BadConfig for anything it cannot mean."""
        _check_keys("A mapping", saved, cls)
        shape, columns, options = saved.get("shape"), saved.get("fields"), saved.get("options", {})
        if shape not in list(Shape):
            raise BadConfig(f'There is no shape "{shape}"; there are {", ".join(Shape)}')
        tables = {"fields": columns, "roles": saved.get("roles", {}), "constants": saved.get("constants", {})}
        for name, table in (*tables.items(), ("options", options)):
            if not isinstance(table, dict):
                raise BadConfig(f"{name} must be an object")
        _check_keys("Options", options, Options)
        return cls(
            shape=Shape(shape),
            fields={role: tuple(p) if isinstance(p, list) else p for role, p in tables["fields"].items()},
            id=saved.get("id"),
            roles=tables["roles"],
            constants=tables["constants"],
            unescape=saved.get("unescape", False),
            options=Options(**options),
        )


def _check_keys(what: str, given: Table[str, Any], cls: type) -> None:
    names = [f.name for f in fields(cls)]
    if unknown := [key for key in given if key not in names]:
        raise BadConfig(f"{what} has no {unknown[0]}; it has {', '.join(names)}")


def _check_path(role: str, path: Any) -> None:
    if isinstance(path, tuple) and role == "completions" and path and all(isinstance(p, str) for p in path):
        return
    if not isinstance(path, str) or not path:
        raise BadConfig(f"{role} needs the name of a column")
