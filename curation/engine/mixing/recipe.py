"""
Recipes: which versions go into a mixture, and how much of each.

The text form is YAML with typed fields. open-instruct's `--dataset_mixer_list` takes `1` as one row and `1.0`
as every row (`open_instruct/dataset_transformation.py`); here the two are different fields, so neither can be
meant by accident.
"""

import math
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any

import yaml

from curation.engine.errors import BadConfig
from curation.engine.names import NAME

DATASET = re.compile(rf"({NAME.pattern})(?:@([1-9][0-9]{{0,8}}))?")
MOST_REPEATS = 1000
MOST_ROWS = 10**12
LONGEST_TEXT = 200_000


@dataclass(frozen=True, slots=True)
class Component:
    """
    One dataset of a recipe: `rows` rows of it, or `fraction` of its rows (1.0 = all, 2.0 = all of them
    twice), at most `cap` rows, no row more often than `max_repeats`. Raises BadConfig.
    """

    dataset: str
    rows: int | None = None
    fraction: float | None = None
    cap: int | None = None
    max_repeats: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.dataset, str) or not DATASET.fullmatch(self.dataset):
            raise BadConfig(
                f"dataset must be a name, or a name and a version like ecqa@2, not {_said(self.dataset)}"
            )
        if (self.rows is None) == (self.fraction is None):
            raise BadConfig(f"{self.dataset}: give either rows or fraction, exactly one of them")
        if self.rows is not None:
            _whole(f"{self.dataset}: rows", self.rows, 0, MOST_ROWS)
        if self.cap is not None:
            _whole(f"{self.dataset}: cap", self.cap, 1, MOST_ROWS)
        _whole(f"{self.dataset}: max_repeats", self.max_repeats, 1, MOST_REPEATS)
        if self.fraction is not None:
            object.__setattr__(self, "fraction", self._checked(self.fraction))

    def _checked(self, fraction: object) -> float:
        """
        A whole number passes too: JSON from a browser writes 1.0 as 1, and the field's name says what is
        meant.
        """
        if isinstance(fraction, bool) or not isinstance(fraction, int | float):
            raise BadConfig(f"{self.dataset}: fraction must be a number like 0.5, not {_said(fraction)}")
        if not 0 <= fraction <= MOST_REPEATS:
            raise BadConfig(f"{self.dataset}: fraction must be 0 to {MOST_REPEATS:,}, not {_said(fraction)}")
        if fraction > self.max_repeats and self.cap is None:
            raise BadConfig(
                f"{self.dataset}: fraction {fraction} repeats rows more often than max_repeats "
                f"{self.max_repeats}; raise max_repeats to {math.ceil(fraction)} or set a cap"
            )
        return float(fraction)

    @property
    def name(self) -> str:
        """The dataset without its version."""
        return self.dataset.partition("@")[0]

    @property
    def number(self) -> int | None:
        """The pinned version; None means the newest."""
        number = self.dataset.partition("@")[2]
        return int(number) if number else None

    def share(self, available: int) -> "Share":
        """
        What this asks of a version with `available` rows, not yet compared with the other components. A
        fraction is rounded down and is taken as written in decimal: 0.29 of 100 rows is 29, which it is not
        in binary. Raises BadConfig when the version cannot give that many rows.
        """
        wanted = self.rows
        if wanted is None:
            wanted = int(Decimal(repr(self.fraction)) * available)
        capped = self.cap is not None and wanted > self.cap
        if capped and self.cap is not None:
            wanted = self.cap
        if wanted > available * self.max_repeats:
            raise BadConfig(
                f"{self.dataset}: {wanted:,} rows are wanted, but it has {available:,} and max_repeats "
                f"{self.max_repeats} allows {available * self.max_repeats:,}; ask for fewer or repeat more"
            )
        return Share(self.dataset, available, wanted, capped)


@dataclass(frozen=True, slots=True)
class Share:
    """
    What a component amounts to: `rows` of its `available` rows (`capped`: its cap decided), hence each of
    them `repeats` times on average, and `share` (0 to 1) of the rows of the mixture.
    """

    dataset: str
    available: int
    rows: int
    capped: bool = False
    share: float = 0.0

    @property
    def repeats(self) -> float:
        return self.rows / self.available if self.available else 0.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """
    A named list of components and the seed of their sampling. One component per dataset: two versions of one
    dataset share most of their rows. Components may be given as mappings, as a run's stored config has them,
    with None for what is absent. Raises BadConfig.
    """

    name: str
    seed: int
    components: tuple[Component, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not NAME.fullmatch(self.name):
            raise BadConfig(f"name must be letters, digits, dashes or underscores, not {_said(self.name)}")
        _whole("seed", self.seed, 0, 2**63 - 1)
        if not isinstance(self.components, list | tuple) or not self.components:
            raise BadConfig("components must be a list with at least one dataset")
        made = tuple(_component(place, given) for place, given in enumerate(self.components, 1))
        object.__setattr__(self, "components", made)
        seen: dict[str, str] = {}
        for component in made:
            if component.name in seen:
                twice = f"{seen[component.name]} and {component.dataset}"
                raise BadConfig(f"{component.name} is listed twice, as {twice}; list it once")
            seen[component.name] = component.dataset

    @classmethod
    def of(cls, given: object) -> "Recipe":
        """A recipe from plain values (an API body, a stored config, parsed YAML)."""
        if not isinstance(given, Mapping):
            raise BadConfig(f"A recipe is a mapping of name, seed and components, not {_said(given)}")
        _known("A recipe", given, {field.name for field in fields(cls)})
        for name in ("name", "seed", "components"):
            if given.get(name) is None:
                raise BadConfig(f"The recipe has no {name}")
        return cls(**given)

    def pinned(self, newest: Mapping[str, int]) -> "Recipe":
        """This recipe with a version number on every dataset; `newest` maps names to numbers."""
        return replace(self, components=tuple(_pin(c, newest) for c in self.components))


def parse(text: str) -> Recipe:
    """The recipe of a YAML text. Raises BadConfig, with the line where YAML itself is broken."""
    if len(text) > LONGEST_TEXT:
        raise BadConfig(f"The recipe is longer than {LONGEST_TEXT:,} characters")
    try:
        given = yaml.load(text, Loader=_Strict)
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise BadConfig(f"The recipe is not valid YAML{line}: {error.problem or error.context}") from None
    except (LookupError, AttributeError, TypeError):  # PyYAML, of text that is not what its tag says
        raise BadConfig("The recipe is not valid YAML: a value does not fit its tag (!!…)") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadConfig(f"The recipe is not valid YAML: {error}") from None
    return Recipe.of(given)


def dump(recipe: Recipe) -> str:
    """
    The YAML text of a recipe, without what is left at its default; `parse` reads it back as an equal recipe.
    """
    components = [
        {f.name: value for f in fields(c) if (value := getattr(c, f.name)) != f.default}
        for c in recipe.components
    ]
    plain = {"name": recipe.name, "seed": recipe.seed, "components": components}
    return str(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True))


def plan(recipe: Recipe, available: Mapping[str, int]) -> list[Share]:
    """
    The preview: rows and shares per component, in the order of the recipe. `available` maps each component's
    `dataset`, as it is written in the recipe, to the rows of that version. Rows that two components have in
    common are counted in both here; `gather` drops and counts them. Raises BadConfig.
    """
    for component in recipe.components:
        if component.dataset not in available:
            raise BadConfig(f"There is no version {component.dataset}")
    shares = [component.share(available[component.dataset]) for component in recipe.components]
    total = sum(share.rows for share in shares)
    return [replace(share, share=share.rows / total if total else 0.0) for share in shares]


def _pin(component: Component, newest: Mapping[str, int]) -> Component:
    if component.number is not None:
        return component
    if component.name not in newest:
        raise BadConfig(f"There is no version of {component.name}")
    return replace(component, dataset=f"{component.name}@{newest[component.name]}")


def _component(place: int, given: object) -> Component:
    if isinstance(given, Component):
        return given
    if not isinstance(given, Mapping):
        raise BadConfig(f"Component {place} must be a mapping with a dataset, not {_said(given)}")
    _known(f"Component {place}", given, {field.name for field in fields(Component)})
    if given.get("dataset") is None:
        raise BadConfig(f"Component {place} has no dataset")
    return Component(**{key: value for key, value in given.items() if value is not None})


def _known(what: str, given: Mapping[Any, Any], names: set[str]) -> None:
    if unknown := sorted(str(key) for key in given if key not in names):
        raise BadConfig(f"{what} has no {', '.join(unknown)}; it has {', '.join(sorted(names))}")


def _whole(what: str, value: object, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadConfig(f"{what} must be a whole number, not {_said(value)}")
    if not least <= value <= most:
        raise BadConfig(f"{what} must be {least:,} to {most:,}, not {_said(value)}")


def _said(value: object) -> str:
    """A value as its writer would recognise it, with its type where that is the point."""
    if value is None:
        return "nothing"
    if isinstance(value, int) and abs(value) > MOST_ROWS:
        return "a number of that size"
    kinds: dict[type, str] = {str: "the text ", bool: "the truth value ", list: "the list "}
    shown = repr(value)
    return kinds.get(type(value), "") + (shown if len(shown) <= 60 else shown[:59] + "…")


class _Strict(yaml.SafeLoader):
    """
    YAML that refuses a key given twice, which PyYAML settles silently in favour of the last, and aliases, by which
    a short text can stand for a value of any size.
    """

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(
                problem="aliases are not taken here; write it out", problem_mark=mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"{name} is given twice", problem_mark=key.start_mark
                )
            seen.add(name)
        return super().construct_mapping(node, deep)
