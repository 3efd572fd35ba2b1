"""The editor of a recipe: what somebody typed, as rows or as YAML; the rules stay in `Recipe` and `Component`."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from django.http import QueryDict

from curation.engine.errors import DataError
from curation.engine.mixing import BYTES, Component, Recipe, dump, parse, to_yaml
from curation.forms.components import Row, StratumRow, number
from curation.questions.mixers import Found
from curation.questions.totals import Asked

BUDGETS = {"": "no budget", "rows": "rows", "tokens": "tokens"}
MOST_ROWS = 200
MOST_STRATA = 1000

R = TypeVar("R", Row, StratumRow)


@dataclass
class Draft:
    """A recipe while it is being written; `text` is there when it is written as YAML."""

    name: str = ""
    seed: str = "1"
    rows: list[Row] = field(default_factory=lambda: [Row()])
    text: str | None = None
    error: str = ""
    budget: str = ""
    budget_in: str = ""
    tokenizer: str = BYTES
    dedupe: str = ""
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, recipe: Recipe) -> "Draft":
        rows = [Row.of(asdict(component)) for component in recipe.components]
        budget_in = "rows" if recipe.rows is not None else "tokens" if recipe.tokens is not None else ""
        return cls(
            recipe.name,
            str(recipe.seed),
            rows,
            budget="" if recipe.budget is None else str(recipe.budget),
            budget_in=budget_in,
            tokenizer=recipe.tokenizer,
            dedupe=recipe.dedupe or "",
        )

    @classmethod
    def of_mixer(cls, found: Found) -> "Draft":
        """Of a mixer list; where a name is not in the project, the dataset is left to be chosen."""
        rows = [Row.of(entry.plain(found.datasets.get(entry.name, ""))) for entry in found.entries]
        return cls(rows=rows, notes=list(found.notes))

    @classmethod
    def posted(cls, post: QueryDict, name: str = "") -> "Draft":
        """What a form sent; `name` is the one of a mixture that is there already and keeps it."""
        name = name or post.get("name", "").strip()
        if "text" in post:
            return cls(name, text=post.get("text", ""))
        made = cls(name, rows=_rows(post))
        for key in ("seed", "budget", "budget_in", "dedupe"):
            setattr(made, key, post.get(key, "").strip())
        made.tokenizer = post.get("tokenizer", "").strip() or BYTES
        return made

    def asked(self) -> Asked:
        """What is there so far: each component, or what is wrong with it."""
        if self.text is None:
            return Asked([_component(row) for row in self.rows], **self._head())
        try:
            return Asked.of(parse(self.text))
        except DataError as error:
            self.error = str(error)
            return Asked(())

    def recipe(self) -> Recipe:
        """The recipe; DataError with the first thing that is wrong with it."""
        if self.text is not None:
            return parse(self.text)
        components = tuple(row.component() for row in self.rows)
        given = {"name": self.name, "seed": number(self.seed), "components": components}
        return Recipe.of(given | self._head())

    def _head(self) -> dict[str, Any]:
        """What is said of the whole, typed; what is no number stays as it is, for `Recipe` to refuse."""
        budget = {self.budget_in: number(self.budget)} if self.budget_in in ("rows", "tokens") else {}
        return {**budget, "tokenizer": self.tokenizer, "dedupe": self.dedupe or None}

    def change(self, post: QueryDict) -> bool:
        """Add or remove a row or a stratum, or turn rows into YAML and back; False if none of these was asked for."""
        if "add" in post:
            self.rows.append(Row())
        elif (removed := post.get("remove", "")).isdecimal():
            self.rows = [row for place, row in enumerate(self.rows) if place != int(removed[:9])] or [Row()]
        elif "add_stratum" in post or "remove_stratum" in post:
            self._change_strata(post)
        elif post.get("as") == "yaml":
            self.text = self.yaml()
        elif post.get("as") == "rows":
            self._to_rows()
        else:
            return False
        return True

    def _change_strata(self, post: QueryDict) -> None:
        """`add_stratum` names a component by its place, `remove_stratum` a component and one of its strata: 2.0."""
        component, _, stratum = (post.get("add_stratum") or post.get("remove_stratum", "")).partition(".")
        if not component.isdecimal() or int(component[:9]) >= len(self.rows):
            return
        strata = self.rows[int(component[:9])].strata
        if "add_stratum" in post:
            strata.append(StratumRow())
        elif stratum.isdecimal() and int(stratum[:9]) < len(strata):
            del strata[int(stratum[:9])]

    def yaml(self) -> str:
        """The YAML of what is there so far, finished or not."""
        if self.text is not None:
            return self.text
        try:
            return dump(self.recipe())
        except DataError:
            head = {key: value for key, value in self._head().items() if value not in (None, BYTES)}
            components = [row.typed() for row in self.rows]
            return to_yaml({"name": self.name, "seed": number(self.seed), **head, "components": components})

    def _to_rows(self) -> None:
        """From YAML that can be read; else it stays as it is, with what is wrong."""
        try:
            made = Draft.of(parse(self.text or ""))
        except DataError as error:
            self.error = str(error)
        else:
            self.__dict__.update(made.__dict__)


def _rows(post: QueryDict) -> list[Row]:
    columns = {name: post.getlist(name) for name in Row.NAMES}
    rows = [_filled(Row(), one) for one in _across(columns, "dataset", MOST_ROWS)]
    strata = {name: post.getlist(f"stratum_{name}") for name in ("of", *StratumRow.NAMES)}
    for one in _across(strata, "of", MOST_STRATA):
        place = one.pop("of")
        if place.isdecimal() and int(place[:9]) < len(rows):
            rows[int(place[:9])].strata.append(_filled(StratumRow(), one))
    return rows


def _filled(row: R, given: dict[str, str]) -> R:
    for name, text in given.items():
        setattr(row, name, text)
    return row


def _across(columns: dict[str, list[str]], key: str, most: int) -> Iterator[dict[str, str]]:
    """Columns of a form as rows; a field that was not sent at all keeps its default."""
    for place in range(min(len(columns[key]), most)):
        yield {name: column[place] for name, column in columns.items() if place < len(column)}


def _component(row: Row) -> Component | str:
    try:
        return row.component()
    except DataError as error:
        return str(error)
