"""The editor of a recipe: what somebody typed, as rows or as YAML; the rules stay in `Recipe` and `Component`."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import yaml
from django.http import QueryDict

from curation.engine.errors import BadConfig, DataError
from curation.engine.mixing import Component, Recipe, dump, parse

MODES = {"fraction": "a fraction", "rows": "rows"}
MOST_ROWS = 200


def _number(text: str) -> int | float | str | None:
    """What was typed as a number, if it is one; else as it is, for `Component` to refuse."""
    text = text.strip().replace(",", "").replace("\u00a0", "")
    if re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
        return int(text)
    if re.fullmatch(r"-?(\d{1,18}\.?\d{0,18}|\.\d{1,18})([eE][-+]?\d{1,2})?", text, re.ASCII):
        return float(text)
    return text or None


@dataclass
class Row:
    """A component as typed."""

    dataset: str = ""
    mode: str = "fraction"
    value: str = "1.0"
    cap: str = ""
    max_repeats: str = "1"

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Row":
        mode = "rows" if given.get("rows") is not None else "fraction"
        typed = {"value": given.get(mode), "cap": given.get("cap"), "max_repeats": given.get("max_repeats")}
        plain = {name: "" if value is None else str(value) for name, value in typed.items()}
        return cls(str(given.get("dataset", "")), mode, **plain)

    def component(self) -> Component:
        return Component(**self.plain())

    def plain(self) -> dict[str, Any]:
        """What `Component` takes; DataError where there is nothing that it could check."""
        if not self.dataset:
            raise BadConfig("Choose a dataset.")
        if self.mode not in MODES:
            raise BadConfig(f"A component takes {' or '.join(MODES)}, not {self.mode}.")
        repeats = _number(self.max_repeats)
        typed = {self.mode: _number(self.value), "cap": _number(self.cap), "max_repeats": repeats}
        return {"dataset": self.dataset} | {name: value for name, value in typed.items() if value is not None}


@dataclass
class Draft:
    """A recipe while it is being written; `text` is there when it is written as YAML."""

    name: str = ""
    seed: str = "1"
    rows: list[Row] = field(default_factory=lambda: [Row()])
    text: str | None = None
    error: str = ""

    @classmethod
    def of(cls, recipe: Recipe) -> "Draft":
        rows = [Row.of(asdict(component)) for component in recipe.components]
        return cls(recipe.name, str(recipe.seed), rows)

    @classmethod
    def posted(cls, post: QueryDict, name: str = "") -> "Draft":
        """What a form sent; `name` is the one of a mixture that is there already and keeps it."""
        if "text" in post:
            return cls(name or post.get("name", ""), text=post.get("text", ""))
        columns = [post.getlist(one.name) for one in fields(Row)]
        rows = [Row(*typed) for typed in zip(*columns, strict=False)][:MOST_ROWS]
        return cls(name or post.get("name", "").strip(), post.get("seed", "").strip(), rows)

    def components(self) -> list[Component | str]:
        """Each component, or what is wrong with it."""
        if self.text is None:
            return [_component(row) for row in self.rows]
        try:
            return list(parse(self.text).components)
        except DataError as error:
            self.error = str(error)
            return []

    def recipe(self) -> Recipe:
        """The recipe; DataError with the first thing that is wrong with it."""
        if self.text is not None:
            return parse(self.text)
        components = tuple(row.component() for row in self.rows)
        return Recipe.of({"name": self.name, "seed": _number(self.seed), "components": components})

    def change(self, post: QueryDict) -> bool:
        """Add or remove a row, or turn rows into YAML and back; False if none of these was asked for."""
        if "add" in post:
            self.rows.append(Row())
        elif (removed := post.get("remove", "")).isdecimal():
            self.rows = [row for place, row in enumerate(self.rows) if place != int(removed[:9])] or [Row()]
        elif post.get("as") == "yaml":
            self.text = self.yaml()
        elif post.get("as") == "rows":
            self._to_rows()
        else:
            return False
        return True

    def yaml(self) -> str:
        """The YAML of what is there so far, finished or not."""
        if self.text is not None:
            return self.text
        try:
            return dump(self.recipe())
        except DataError:
            plain = {
                "name": self.name,
                "seed": _number(self.seed),
                "components": [_typed(r) for r in self.rows],
            }
            return str(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True))

    def _to_rows(self) -> None:
        """From YAML that can be read; else it stays as it is, with what is wrong."""
        try:
            made = Draft.of(parse(self.text or ""))
        except DataError as error:
            self.error = str(error)
        else:
            self.name, self.seed, self.rows, self.text = made.name, made.seed, made.rows, None


def _component(row: Row) -> Component | str:
    try:
        return row.component()
    except DataError as error:
        return str(error)


def _typed(row: Row) -> dict[str, Any]:
    typed = {row.mode: _number(row.value), "cap": _number(row.cap), "max_repeats": _number(row.max_repeats)}
    return {"dataset": row.dataset} | {name: value for name, value in typed.items() if value is not None}
