"""
Recipes: which versions go into a mixture, and how much of each.

The text form is YAML with typed fields (`writing`). open-instruct's `--dataset_mixer_list` takes `1` as one row and
`1.0` as every row (`open_instruct/dataset_transformation.py`); here the two are different fields, so neither can be
meant by accident.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from curation.engine.errors import BadConfig
from curation.engine.mixing.component import DATASET, MOST_TOKENS, Component
from curation.engine.mixing.fields import known, said, whole
from curation.engine.mixing.strata import MOST_ROWS
from curation.engine.names import NAME

BYTES = "bytes/4"  # how tokens are counted until a tokenizer is chosen


@dataclass(frozen=True, slots=True)
class Recipe:
    """
    A named list of components and the seed of their sampling. One component per dataset: two versions of one dataset
    share most of their rows. Components with a weight share what the others leave of the budget, which is so many
    `rows` or `tokens` for the whole mixture. Tokens are counted by `tokenizer`. `dedupe` is a version of removed rows
    with what each is a duplicate of: it is left out where that row could be drawn too.

    Components may be given as mappings, as a run's stored config has them, with None for what is absent. Raises
    BadConfig.
    """

    name: str
    seed: int
    components: tuple[Component, ...]
    rows: int | None = None
    tokens: int | None = None
    tokenizer: str = BYTES
    dedupe: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not NAME.fullmatch(self.name):
            raise BadConfig(f"name must be letters, digits, dashes or underscores, not {said(self.name)}")
        whole("seed", self.seed, 0, 2**63 - 1)
        if not isinstance(self.components, list | tuple) or not self.components:
            raise BadConfig("components must be a list with at least one dataset")
        made = tuple(Component.of(place, given) for place, given in enumerate(self.components, 1))
        object.__setattr__(self, "components", made)
        self._check_names()
        self._check_budget()

    def _check_names(self) -> None:
        seen: dict[str, str] = {}
        for component in self.components:
            if component.name in seen:
                twice = f"{seen[component.name]} and {component.dataset}"
                raise BadConfig(f"{component.name} is listed twice, as {twice}; list it once")
            seen[component.name] = component.dataset
        if not isinstance(self.tokenizer, str) or not (
            self.tokenizer == BYTES or NAME.fullmatch(self.tokenizer)
        ):
            raise BadConfig(
                f"tokenizer must be {BYTES} or the name of a tokenizer, not {said(self.tokenizer)}"
            )
        if self.dedupe is not None and not (isinstance(self.dedupe, str) and DATASET.fullmatch(self.dedupe)):
            raise BadConfig(f"dedupe must be a dataset like chats-duplicates@1, not {said(self.dedupe)}")

    def _check_budget(self) -> None:
        if self.rows is not None:
            whole("rows", self.rows, 1, MOST_ROWS)
        if self.tokens is not None:
            whole("tokens", self.tokens, 1, MOST_TOKENS)
        if self.rows is not None and self.tokens is not None:
            raise BadConfig("The recipe has a budget in rows and one in tokens; give one of them")
        weighted = next((one for one in self.components if one.weight is not None), None)
        if weighted and self.budget is None:
            raise BadConfig(
                f"{weighted.dataset} has a weight, and the recipe no budget to share: give it rows or tokens"
            )
        if self.budget is not None and not weighted:
            raise BadConfig("The recipe has a budget, and no component a weight to share it by")
        self._refuse_strata_in_rows()

    def _refuse_strata_in_rows(self) -> None:
        for component in self.components:
            in_rows = any(stratum.rows is not None for stratum in component.strata)
            if in_rows and self.in_tokens(component):
                raise BadConfig(
                    f"{component.dataset}: where tokens are asked for, its strata give shares, not rows"
                )

    @property
    def budget(self) -> int | None:
        return self.rows if self.rows is not None else self.tokens

    def in_tokens(self, component: Component) -> bool:
        """Whether what a component gives is counted in tokens."""
        return component.tokens is not None or (component.weight is not None and self.tokens is not None)

    @property
    def counts_tokens(self) -> bool:
        return any(self.in_tokens(one) for one in self.components)

    @classmethod
    def of(cls, given: object) -> "Recipe":
        """A recipe from plain values (an API body, a stored config, parsed YAML)."""
        if not isinstance(given, Mapping):
            raise BadConfig(f"A recipe is a mapping of name, seed and components, not {said(given)}")
        known("A recipe", given, {field.name for field in fields(cls)})
        for name in ("name", "seed", "components"):
            if given.get(name) is None:
                raise BadConfig(f"The recipe has no {name}")
        return cls(**{key: value for key, value in given.items() if value is not None})

    def pinned(self, newest: Mapping[str, int]) -> "Recipe":
        """This recipe with a version number on every dataset; `newest` maps names to numbers."""
        components = tuple(replace(one, dataset=_pin(one.dataset, newest)) for one in self.components)
        return replace(self, components=components, dedupe=self.dedupe and _pin(self.dedupe, newest))

    def renumbered(self, newer: Mapping[str, str]) -> "Recipe":
        """This recipe with other versions where it names some: `newer` maps ecqa@1 to ecqa@2."""
        components = tuple(
            replace(one, dataset=newer.get(one.dataset, one.dataset)) for one in self.components
        )
        return replace(
            self, components=components, dedupe=self.dedupe and newer.get(self.dedupe, self.dedupe)
        )


def _pin(dataset: str, newest: Mapping[str, int]) -> str:
    if "@" in dataset:
        return dataset
    if dataset not in newest:
        raise BadConfig(f"There is no version of {dataset}")
    return f"{dataset}@{newest[dataset]}"
