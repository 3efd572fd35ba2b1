"""The mapping editor: what somebody chose so far, whether it makes sense yet or not; the rules are in `Mapping`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from curation.engine.errors import BadConfig
from curation.engine.importing import MAX_REJECTED
from curation.engine.mapping import SHAPES, Mapping, Shape
from curation.engine.mapping.spec import ANY_SHAPE, CONSTANTS
from curation.engine.readers.columns import NAMES
from curation.engine.readers.columns import plain as plain_name

OTHER = "\t?"  # the choice that asks for a path to be typed
PREFIX, CONSTANT = "field-", "constant-"
SEVERAL = ("completions",)
MOST = 500  # fields of a form
LABELS = {
    "messages": "Turns",
    "turns": "Turns",
    "completion": "Reply",
    "completions": "Replies",
    "instances": "Instances",
    "licence": "Licence of the row",
    "label": "Thumb up or down",
}
READING = (
    ("First line", "header", "the names of the columns", "a row"),
    ("Quotes", "quoted", "enclose cells", "are text"),
)


@dataclass(frozen=True, slots=True)
class Field:
    """One role of a shape and the column that plays it."""

    role: str
    chosen: list[str]
    needed: bool
    typed: bool

    @property
    def label(self) -> str:
        return LABELS.get(self.role, self.role.replace("_", " ").capitalize())

    @property
    def several(self) -> bool:
        return self.role in SEVERAL

    @property
    def name(self) -> str:
        return PREFIX + self.role

    @property
    def value(self) -> str:
        return ", ".join(self.chosen)


@dataclass(frozen=True, slots=True)
class Constant:
    role: str
    value: str

    @property
    def label(self) -> str:
        return self.role.capitalize()

    @property
    def name(self) -> str:
        return CONSTANT + self.role


@dataclass
class Draft:
    """A mapping while it is being made. Columns of roles that the shape has not are kept, should it change back."""

    shape: str = ""
    fields: dict[str, list[str]] = field(default_factory=dict)
    typed: set[str] = field(default_factory=set)
    id: str = ""
    roles: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    unescape: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    confirmed: bool = False
    max_rejected: str = f"{100 * MAX_REJECTED:g}"
    error: str = ""

    @classmethod
    def of(cls, saved: Table[str, Any], options: dict[str, Any]) -> Draft:
        fields = {
            role: [path] if isinstance(path, str) else list(path)
            for role, path in saved.get("fields", {}).items()
        }
        return cls(
            shape=saved.get("shape", ""),
            fields=fields,
            id=saved.get("id") or "",
            roles=dict(saved.get("roles", {})),
            constants=dict(saved.get("constants", {})),
            unescape=bool(saved.get("unescape")),
            options=options,
        )

    @classmethod
    def posted(cls, post: QueryDict, options: dict[str, Any]) -> Draft:
        """What a form sent; `options` are how its look read the files."""
        draft = cls(shape=_plain(post.get("shape", "")), id=_plain(post.get("id", "")), options=options)
        draft.typed = {_plain(role) for role in post.getlist("typed")[:MOST]}
        for key in list(post)[:MOST]:
            if key.startswith(PREFIX):
                draft._take(_plain(key.removeprefix(PREFIX)), [_plain(value) for value in post.getlist(key)])
            elif key.startswith(CONSTANT) and (value := _plain(post.get(key, ""))).strip():
                draft.constants[_plain(key.removeprefix(CONSTANT))] = value
        renamed = zip(post.getlist("speaker"), post.getlist("speaks-as"), strict=False)
        draft.roles = {_plain(name): _plain(role) for name, role in renamed if role}
        draft.unescape, draft.confirmed = "unescape" in post, "confirmed" in post
        draft.max_rejected = post.get("max_rejected", draft.max_rejected).strip()
        return draft

    def _take(self, role: str, values: list[str]) -> None:
        if OTHER in values:
            self.typed.add(role)
        values = [value for value in values if value.strip() and value != OTHER]
        if role in SEVERAL and role in self.typed:
            values = [path.strip() for value in values for path in value.split(",") if path.strip()]
        if values:
            self.fields[role] = values

    def mapping(self) -> Mapping:
        """The mapping; BadConfig with the first thing that is wrong with it."""
        if not self.shape:
            raise BadConfig("Choose the shape of the rows, then the columns.")
        own = set(self._roles())
        fields = {role: columns for role, columns in self.fields.items() if role in own}
        return Mapping.from_dict(
            {
                "shape": self.shape,
                "fields": {role: one[0] if len(one) == 1 else one for role, one in fields.items()},
                "id": self.id or None,
                "roles": self.roles,
                "constants": self.constants,
                "unescape": self.unescape,
                "options": self.options,
            }
        )

    @property
    def share(self) -> float:
        """Of the rows, those that may be rejected: a percentage in the form."""
        try:
            return float(self.max_rejected) / 100
        except ValueError:
            raise BadConfig("The share of rows that may be rejected is a number of per cent.") from None

    @property
    def drawn(self) -> str:
        """What the form looks like beside its values: the page draws it anew when this changes."""
        return f"{self.shape} {' '.join(sorted(self.typed))}".strip()

    def guess(self, columns: Iterable[str]) -> None:
        """Columns for what the shape needs and nobody chose yet, by their names."""
        by_name = {plain_name(name): name for name in reversed(list(columns))}
        for role in self._needed():
            found = (by_name[name] for name in (role, *NAMES.get(role, ())) if name in by_name)
            if not self.fields.get(role) and role not in self.typed and (column := next(found, None)):
                self.fields[role] = [column]

    def groups(self, columns: Collection[str]) -> dict[str, list[Field]]:
        """The fields of the form: what the shape needs, what else it can have, and what any shape can."""
        needed, own = self._needed(), self._roles()
        made = [self._field(role, role in needed, columns) for role in own]
        return {
            "own": [one for one in made if one.role not in ANY_SHAPE or one.needed],
            "more": [one for one in made if one.role in ANY_SHAPE and not one.needed],
        }

    def kept(self) -> list[tuple[str, str]]:
        """Columns of roles that this shape has not, as hidden fields."""
        own = set(self._roles())
        return [
            (PREFIX + role, path) for role, paths in self.fields.items() if role not in own for path in paths
        ]

    def given(self) -> list[Constant]:
        return [Constant(role, self.constants.get(role, "")) for role in CONSTANTS]

    def _field(self, role: str, needed: bool, columns: Collection[str]) -> Field:
        chosen = self.fields.get(role, [])
        typed = role in self.typed or any(path not in columns for path in chosen)
        return Field(role, chosen, needed, typed)

    def _needed(self) -> tuple[str, ...]:
        return SHAPES[Shape(self.shape)].needed if self.shape in list(Shape) else ()

    def _roles(self) -> tuple[str, ...]:
        if self.shape not in list(Shape):
            return ()
        needed, optional, _ = SHAPES[Shape(self.shape)]
        return tuple(dict.fromkeys((*needed, *optional, *ANY_SHAPE)))


def shapes() -> list[tuple[str, str]]:
    return [(shape.value, roles.words) for shape, roles in SHAPES.items()]


def in_words(saved: Table[str, Any]) -> list[tuple[str, str]]:
    """A saved mapping line by line."""
    if not saved:
        return []
    shape = saved.get("shape", "")
    words = SHAPES[Shape(shape)].words if shape in list(Shape) else shape
    lines = [("Rows are", words)]
    for role, path in saved.get("fields", {}).items():
        lines.append((LABELS.get(role, role.replace("_", " ").capitalize()), _columns(path)))
    if saved.get("id"):
        lines.append(("Own id", _columns(saved["id"])))
    lines += [(f"{role.capitalize()} of all", str(text)) for role, text in saved.get("constants", {}).items()]
    lines += [(f"“{name}” speaks as", role) for name, role in saved.get("roles", {}).items()]
    if saved.get("unescape"):
        lines.append(("Backslash escapes", "turned into what they mean"))
    return lines + _reading(saved.get("options", {}))


def _columns(path: Any) -> str:
    return f"column {path}" if isinstance(path, str) else f"columns {', '.join(map(str, path))}"


def _reading(options: Table[str, Any]) -> list[tuple[str, str]]:
    mark = options.get("delimiter") or ""
    parted = {"\t": "tabs", ",": "commas", " ": "spaces"}.get(mark, mark)
    said = [("Cells parted by", parted)] if parted else []
    for name, key, yes, no in READING:
        if (value := options.get(key)) is not None:
            said.append((name, yes if value else no))
    return said


def _plain(text: str) -> str:
    """Text of a form as a database takes it; browsers send every line end as two characters."""
    return text.replace("\0", "\ufffd").replace("\r\n", "\n")
