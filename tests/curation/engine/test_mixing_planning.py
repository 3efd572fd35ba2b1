"""Floors, caps, budgets, weights and strata: what a recipe amounts to, with numbers that can be checked by hand."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.engine.errors import BadConfig
from curation.engine.mixing import Component, Recipe, Stock, Stratum, dump, parse, plan
from curation.engine.mixing.planning import rounded


def recipe(*components, **whole):
    return Recipe("m", 1, tuple(components), **whole)


def weighted(name, weight, **more):
    return Component(name, weight=weight, **more)


def given_rows(made, **rows):
    return [share.rows for share in plan(made, rows)]


def test_a_budget_is_shared_by_weight():
    made = recipe(weighted("a", 3), weighted("b", 1), rows=1000)
    assert given_rows(made, a=5000, b=5000) == [750, 250]


def test_what_has_no_weight_comes_out_of_the_budget_first():
    made = recipe(Component("a", rows=400), weighted("b", 1), weighted("c", 2), rows=1000)
    assert given_rows(made, a=5000, b=5000, c=5000) == [400, 200, 400]


def test_what_a_cap_took_is_told_beside_a_fraction_of_the_budget():
    made = recipe(Component("a", fraction=0.5), weighted("b", 1, cap=100), weighted("c", 1), rows=1000)
    shares = plan(made, {"a": 1000, "b": 5000, "c": 5000})
    assert [(s.rows, s.capped, s.asked) for s in shares] == [
        (500, False, None),
        (100, True, 250),
        (400, False, None),
    ]


def test_a_cap_and_a_floor_go_at_the_expense_of_the_others():
    made = recipe(weighted("a", 8, cap=100), weighted("b", 1, floor=300), weighted("c", 1), rows=1000)
    shares = plan(made, {"a": 5000, "b": 5000, "c": 5000})
    assert [(s.rows, s.capped, s.floored, s.asked) for s in shares] == [
        (100, True, False, 800),
        (450, False, False, None),
        (450, False, False, None),
    ]
    made = recipe(weighted("a", 8), weighted("b", 1, floor=300), weighted("c", 1), rows=1000)
    shares = plan(made, {"a": 5000, "b": 5000, "c": 5000})
    assert [(s.rows, s.floored, s.asked) for s in shares] == [
        (622, False, None),
        (300, True, 100),
        (78, False, None),
    ]


def test_caps_may_leave_a_budget_unreached_and_floors_may_not_exceed_it():
    capped = recipe(weighted("a", 1, cap=10), weighted("b", 1, cap=20), rows=1000)
    assert given_rows(capped, a=99, b=99) == [10, 20]
    with pytest.raises(BadConfig, match="The floors ask for 1,200 rows, and 1,000 are left"):
        given_rows(recipe(weighted("a", 1, floor=1200), rows=1000), a=5000)
    with pytest.raises(BadConfig, match="components without a weight take 2,000 already"):
        given_rows(recipe(Component("a", rows=2000), weighted("b", 1), rows=1000), a=5000, b=1)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=6), st.integers(1, 10_000))
def test_weights_without_limits_give_the_whole_budget(weights, budget):
    made = recipe(*(weighted(f"d{n}", weight) for n, weight in enumerate(weights)), rows=budget)
    rows = given_rows(made, **{f"d{n}": 10_000 for n in range(len(weights))})
    assert sum(rows) == budget
    assert all(abs(have - budget * w / sum(weights)) < 1 for have, w in zip(rows, weights, strict=True))


def test_remainders_are_given_to_the_largest_and_of_equal_ones_to_the_first():
    assert rounded([Fraction(1, 3)] * 3) == [1, 0, 0]
    assert rounded([Fraction(5, 4), Fraction(7, 4)]) == [1, 2]


def test_a_floor_raises_a_fraction():
    (share,) = plan(recipe(Component("a", fraction=0.1, floor=30)), {"a": 100})
    assert (share.rows, share.floored, share.asked) == (30, True, 10)


def test_tokens_are_rows_about():
    made = recipe(Component("a", tokens=500), Component("b", rows=7))
    shares = plan(made, {"a": Stock(100, 2000), "b": 70})
    assert [(s.rows, s.tokens) for s in shares] == [(25, 500), (7, None)]
    with pytest.raises(BadConfig, match="its tokens are not counted by bytes/4 yet"):
        plan(made, {"a": 100, "b": 70})
    with pytest.raises(BadConfig, match="5,000 tokens are wanted, but it has 2,000"):
        plan(recipe(Component("a", tokens=5000, max_repeats=2)), {"a": Stock(100, 2000)})


def test_a_token_budget_is_shared_by_weight():
    made = recipe(weighted("a", 1), weighted("b", 3), tokens=1000)
    shares = plan(made, {"a": Stock(100, 2000), "b": Stock(10, 3000)})
    assert [s.tokens for s in shares] == [250, 750]


def test_strata_divide_what_the_component_gives():
    strata = (Stratum("source", "x", share=0.5), Stratum("tokens", low=0, high=9, rows=10))
    (share,) = plan(
        recipe(Component("a", rows=100, strata=strata)),
        {"a": Stock(500, 5000, ((60, 600), (40, 400), (400, 4000)))},
    )
    told = [(part.name, part.available, part.rows) for part in share.strata]
    assert told == [("source x", 60, 50), ("tokens 0..9", 40, 10), ("", 400, 40)]


def test_a_stratum_that_has_too_little_is_named():
    strata = (Stratum("label.topic", "maths", share=0.5),)
    with pytest.raises(
        BadConfig, match=r"a: label.topic maths: 50 rows are wanted, but it has 20 and max_repeats 1"
    ):
        plan(recipe(Component("a", rows=100, strata=strata)), {"a": Stock(500, 0, ((20, 0), (480, 0)))})
    whole = (Stratum("source", "x", rows=200),)
    with pytest.raises(BadConfig, match="its strata ask for 200 rows, and it gives 100"):
        plan(recipe(Component("a", rows=100, strata=whole)), {"a": Stock(500, 0, ((300, 0), (200, 0)))})


FULL = """\
name: full
seed: 3
tokens: 100000
tokenizer: llama
dedupe: chats-duplicates@2
components:
- dataset: a@1
  weight: 2.0
  floor: 100
  cap: 5000
  max_repeats: 3
  strata:
  - by: label.topic
    value: maths
    share: 0.5
  - by: tokens
    low: 0
    high: 512
    share: 0.25
- dataset: b
  tokens: 400
"""


def test_every_field_is_written_and_read_back():
    made = parse(FULL)
    assert dump(made) == FULL
    pinned = made.pinned({"b": 4})
    assert [one.dataset for one in pinned.components] == [
        "a@1",
        "b@4",
    ] and pinned.dedupe == "chats-duplicates@2"


@pytest.mark.parametrize(
    ("whole", "component", "sentence"),
    [
        ({}, {"weight": 1}, "a has a weight, and the recipe no budget to share"),
        ({"rows": 5}, {"rows": 1}, "The recipe has a budget, and no component a weight"),
        ({"rows": 5, "tokens": 5}, {"weight": 1}, "give one of them"),
        ({"rows": "5"}, {"weight": 1}, "rows must be a whole number, not the text '5'"),
        ({"rows": 5}, {"weight": 0}, "a weight is above 0"),
        ({"rows": 5}, {"weight": "1"}, "weight must be a number like 0.5, not the text '1'"),
        ({}, {"tokens": 1.0}, "a: tokens must be a whole number, not 1.0"),
        ({}, {"rows": 1, "floor": 9, "cap": 3}, "the floor of 9 is above the cap of 3"),
        ({"tokenizer": "../x"}, {"rows": 1}, "tokenizer must be bytes/4 or the name of a tokenizer"),
        ({"dedupe": "a b"}, {"rows": 1}, "dedupe must be a dataset like chats-duplicates@1"),
        ({}, {"rows": 1, "strata": "x"}, "strata must be a list"),
        ({}, {"rows": 1, "strata": [{"by": "source", "value": "x"}]}, "give one of share and rows"),
        ({}, {"rows": 1, "strata": [{"by": "source", "share": 0.1}]}, "needs a value, or a range"),
        ({}, {"rows": 1, "strata": [{"by": "row", "value": 1, "rows": 1}]}, "by must be language"),
        ({}, {"rows": 1, "strata": [{"by": "tokens", "low": 9, "high": 9, "rows": 1}]}, "a range goes up"),
        ({}, {"rows": 1, "strata": [{"by": "source", "value": "x", "share": "1"}]}, "not the text '1'"),
        (
            {},
            {"rows": 1, "strata": [{"by": "source", "value": str(n), "share": 0.6} for n in (1, 2)]},
            "above 1",
        ),
        ({}, {"tokens": 1, "strata": [{"by": "source", "value": "x", "rows": 1}]}, "its strata give shares"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(whole, component, sentence):
    with pytest.raises(BadConfig) as refusal:
        recipe({"dataset": "a", **component}, **whole)
    assert sentence in str(refusal.value)
