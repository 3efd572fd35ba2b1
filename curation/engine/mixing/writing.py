"""Recipes as YAML: strict where PyYAML is not, without what is left at its default."""

from collections.abc import Hashable
from dataclasses import MISSING, Field, fields
from typing import Any

import yaml

from curation.engine.errors import BadConfig
from curation.engine.mixing.component import Component
from curation.engine.mixing.recipe import Recipe

LONGEST_TEXT = 200_000
HEAD = ("name", "seed", "rows", "tokens", "tokenizer", "dedupe")
ORDER = ("dataset", "rows", "tokens", "fraction", "weight", "floor", "cap", "max_repeats")


def parse(text: str) -> Recipe:
    """The recipe of a YAML text. Raises BadConfig, with the line where YAML itself is broken."""
    return Recipe.of(read_yaml(text))


def read_yaml(text: str) -> object:
    """Plain values of a text that somebody wrote."""
    if len(text) > LONGEST_TEXT:
        raise BadConfig(f"The recipe is longer than {LONGEST_TEXT:,} characters")
    try:
        return yaml.load(text, Loader=_Strict)
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise BadConfig(f"The recipe is not valid YAML{line}: {error.problem or error.context}") from None
    except (LookupError, AttributeError, TypeError):  # PyYAML, of text that is not what its tag says
        raise BadConfig("The recipe is not valid YAML: a value does not fit its tag (!!…)") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadConfig(f"The recipe is not valid YAML: {error}") from None


def dump(recipe: Recipe) -> str:
    """
    The YAML text of a recipe, without what is left at its default; `parse` reads it back as an equal recipe.
    """
    head = _set(recipe, HEAD)
    return to_yaml(head | {"components": [_plain(component) for component in recipe.components]})


def to_yaml(plain: object) -> str:
    return str(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=110))


def _plain(component: Component) -> dict[str, Any]:
    strata = [_set(stratum, [field.name for field in fields(stratum)]) for stratum in component.strata]
    return _set(component, ORDER) | ({"strata": strata} if strata else {})


def _set(one: Any, names: Any) -> dict[str, Any]:
    """The fields that are not at their default, in this order."""
    defaults = {field.name: _default(field) for field in fields(one)}
    return {name: value for name in names if (value := getattr(one, name)) != defaults[name]}


def _default(field: Field[Any]) -> object:
    return None if field.default is MISSING else field.default


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
