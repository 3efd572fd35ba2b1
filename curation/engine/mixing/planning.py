"""
What a recipe amounts to over versions of a known size: amounts, floors and caps, budgets, strata.

Every sum is made of fractions and rounded once, the largest remainders up, so that parts add up to their whole: 0.29 of
100 rows is 29, which it is not in binary.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import floor as rounded_down

from curation.engine.errors import BadConfig
from curation.engine.mixing.component import Component
from curation.engine.mixing.recipe import Recipe
from curation.engine.mixing.strata import Stock


@dataclass(frozen=True, slots=True)
class Part:
    """What one stratum gives, or with an empty name the rows that are in none."""

    name: str
    available: int
    rows: int
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """
    What a component amounts to: `rows` of its `available` rows, hence each of them `repeats` times on average, and
    `share` (0 to 1) of the rows of the mixture. Where the component is asked for `tokens`, `rows` is about right until
    they are drawn. `asked` is what it would give, in its own unit, without the floor or the cap that decided.
    """

    dataset: str
    available: int
    rows: int
    capped: bool = False
    share: float = 0.0
    floored: bool = False
    asked: int | None = None
    tokens: int | None = None
    strata: tuple[Part, ...] = ()
    left_out: int = 0

    def __post_init__(self) -> None:
        parts = tuple(one if isinstance(one, Part) else Part(**one) for one in self.strata)
        object.__setattr__(self, "strata", parts)

    @property
    def repeats(self) -> float:
        return self.rows / self.available if self.available else 0.0


@dataclass(slots=True)
class _Weighted:
    """A component that shares the budget: by its weight, within its limits."""

    place: int
    weight: Fraction
    least: int
    most: int | None
    gives: Fraction = field(default_factory=Fraction)
    settled: bool = False

    def limited(self, amount: Fraction) -> Fraction:
        amount = max(amount, Fraction(self.least))
        return amount if self.most is None else min(amount, Fraction(self.most))


def plan(recipe: Recipe, available: Mapping[str, Stock | int]) -> list[Share]:
    """
    The preview: what each component gives, in the order of the recipe. `available` maps each component's `dataset`, as
    it is written in the recipe, to what that version has; a number is rows whose tokens nobody counted. Rows that two
    components have in common are counted in both here; `gather` drops and counts them. Raises BadConfig.
    """
    for component in recipe.components:
        if component.dataset not in available:
            raise BadConfig(f"There is no version {component.dataset}")
    stocks = [_stock(available[component.dataset]) for component in recipe.components]
    rows = [stock.rows for stock in stocks]
    pairs = zip(recipe.components, stocks, amounts(recipe, rows), strict=True)
    shares = [share_of(recipe, component, stock, amount, rows) for component, stock, amount in pairs]
    return weighed(shares)


def weighed(shares: Sequence[Share]) -> list[Share]:
    """The same, each with its share of all their rows."""
    total = sum(share.rows for share in shares)
    return [replace(share, share=share.rows / total if total else 0.0) for share in shares]


def amounts(recipe: Recipe, rows: Sequence[int]) -> list[int]:
    """What each component is asked for, in its own unit, before its floor and its cap; by weight with them."""
    fixed = [_asked(component, have) for component, have in zip(recipe.components, rows, strict=True)]
    if recipe.budget is None:
        return fixed
    unit = "tokens" if recipe.tokens is not None else "rows"
    taken = 0
    for component, amount in zip(recipe.components, fixed, strict=True):
        if component.weight is None:
            if recipe.in_tokens(component) != (unit == "tokens"):
                raise BadConfig(
                    f"{component.dataset}: the budget is in {unit}, so each component takes {unit} or has a weight"
                )
            taken += _limited(component, amount)
    rest = (recipe.budget or 0) - taken
    if rest < 0:
        raise BadConfig(
            f"The budget is {recipe.budget:,} {unit}, and components without a weight take {taken:,} already"
        )
    for one in _shared(recipe, rest, unit):
        fixed[one.place] = int(one.gives)
    return fixed


def _asked(component: Component, available: int) -> int:
    if component.fraction is not None:
        return rounded_down(_exact(component.fraction) * available)
    return component.rows if component.rows is not None else component.tokens or 0


def _limited(component: Component, amount: int) -> int:
    amount = max(amount, component.floor or 0)
    return amount if component.cap is None else min(amount, component.cap)


def _shared(recipe: Recipe, rest: int, unit: str) -> list[_Weighted]:
    """
    The rest of the budget by weight, within floors and caps: what one may not take or must have goes at the expense of
    all others. The way of CSS flexible boxes (section 9.7): settle the side that is violated more, and share again.
    """
    every = [
        _Weighted(place, _exact(one.weight), one.floor or 0, one.cap)
        for place, one in enumerate(recipe.components)
        if one.weight is not None
    ]
    if (least := sum(one.least for one in every)) > rest:
        raise BadConfig(
            f"The floors ask for {least:,} {unit}, and {rest:,} are left for the components with a weight"
        )
    while free := [one for one in every if not one.settled]:
        left = rest - sum((one.gives for one in every if one.settled), Fraction())
        whole = sum((one.weight for one in free), Fraction())
        changes = {}
        for one in free:
            even = left * one.weight / whole
            one.gives = one.limited(even)
            changes[one.place] = one.gives - even
        violated = sum(changes.values(), Fraction())
        for one in free:
            change = changes[one.place]
            one.settled = violated == 0 or (change > 0 if violated > 0 else change < 0)
    given = rounded([one.gives for one in every])
    for one, amount in zip(every, given, strict=True):
        one.gives = Fraction(amount)
    return every


def rounded(parts: Sequence[Fraction]) -> list[int]:
    """Whole numbers with the same sum, rounded down: the largest remainders are rounded up, of equal ones the first."""
    whole = [rounded_down(part) for part in parts]
    missing = rounded_down(sum(parts, Fraction())) - sum(whole)
    order = sorted(range(len(parts)), key=lambda place: (whole[place] - parts[place], place))
    for place in order[:missing]:
        whole[place] += 1
    return whole


def share_of(recipe: Recipe, component: Component, stock: Stock, asked: int, rows: Sequence[int]) -> Share:
    """
    What one component gives that `amounts` asks for so much of `rows`, those of every component; not yet compared with
    the others. Raises BadConfig.
    """
    counted = recipe.in_tokens(component)
    amount, without = _limited(component, asked), asked
    if component.weight is not None:
        without = _evenly(recipe, component, asked, rows)
    if counted and stock.tokens is None:
        raise BadConfig(f"{component.dataset}: its tokens are not counted by {recipe.tokenizer} yet")
    parts = _parts(component, stock, amount, counted)
    for part, have in parts:
        _refuse_too_many(component, part, have, counted)
    told = tuple(part for part, _ in parts)
    decided = {"capped": amount == component.cap and without > amount}
    decided["floored"] = amount == component.floor and without < amount
    return Share(
        component.dataset,
        stock.rows,
        sum(part.rows for part in told),
        **decided,
        asked=without if any(decided.values()) else None,
        tokens=sum(part.tokens or 0 for part in told) if counted else None,
        strata=told if component.strata else (),
        left_out=stock.left_out,
    )


def _evenly(recipe: Recipe, component: Component, given: int, rows: Sequence[int]) -> int:
    """What a weight alone would have given, where a limit decided."""
    if given not in (component.floor, component.cap):
        return given
    free = replace(recipe, components=tuple(_unlimited(one) for one in recipe.components))
    return amounts(free, rows)[recipe.components.index(component)]


def _unlimited(component: Component) -> Component:
    return component if component.weight is None else replace(component, floor=None, cap=None)


def _parts(
    component: Component, stock: Stock, amount: int, counted: bool
) -> list[tuple[Part, tuple[int, int | None]]]:
    """What each stratum and the rest give, with the rows and tokens that are there of it."""
    if not component.strata:
        have = (stock.rows, stock.tokens)
        return [(_part("", amount, have, counted), have)]
    given = [
        Fraction(one.rows) if one.rows is not None else _exact(one.share) * amount for one in component.strata
    ]
    rest = amount - sum(given, Fraction())
    if rest < 0:
        raise BadConfig(
            f"{component.dataset}: its strata ask for {int(sum(given)):,} rows, and it gives {amount:,}"
        )
    wanted = rounded([*given, rest])
    names = [*(one.name for one in component.strata), ""]
    pairs = zip(names, wanted, stock.strata, strict=True)
    return [(_part(name, much, have, counted), have) for name, much, have in pairs]


def _part(name: str, amount: int, have: tuple[int, int | None], counted: bool) -> Part:
    rows, tokens = have
    if not counted:
        return Part(name, rows, amount)
    return Part(name, rows, round(amount * rows / tokens) if tokens else 0, amount)


def _refuse_too_many(component: Component, part: Part, have: tuple[int, int | None], counted: bool) -> None:
    wanted, there = (part.tokens or 0, have[1] or 0) if counted else (part.rows, have[0])
    unit, allowed = "tokens" if counted else "rows", there * component.max_repeats
    if wanted > allowed:
        where = f"{part.name}: " if part.name else "rows in no stratum: " if component.strata else ""
        raise BadConfig(
            f"{component.dataset}: {where}{wanted:,} {unit} are wanted, but it has {there:,} and max_repeats "
            f"{component.max_repeats} allows {allowed:,}; ask for fewer or repeat more"
        )


def _stock(given: Stock | int) -> Stock:
    return given if isinstance(given, Stock) else Stock(given)


def _exact(number: float | None) -> Fraction:
    """As it is written in decimal."""
    return Fraction(repr(number))
