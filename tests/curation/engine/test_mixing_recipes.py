"""Recipes as they are written, and the plans they amount to."""

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.engine.errors import BadConfig
from curation.engine.mixing import Component, Recipe, Share, dump, parse, plan

TEXT = """\
name: demo-mix
seed: 42
components:
- dataset: ecqa-clean@1
  rows: 5000
  cap: 3000
  max_repeats: 2
- dataset: gpteacher
  fraction: 0.5
"""


def recipe(**component):
    return Recipe("m", 1, ({"dataset": "a", **component},))


# recipes


def test_a_recipe_reads_as_it_is_written():
    found = parse(TEXT)
    assert found == Recipe(
        "demo-mix",
        42,
        (
            Component("ecqa-clean@1", rows=5000, cap=3000, max_repeats=2),
            Component("gpteacher", fraction=0.5),
        ),
    )
    assert [(c.name, c.number) for c in found.components] == [("ecqa-clean", 1), ("gpteacher", None)]
    assert dump(found) == TEXT


def test_a_recipe_survives_being_stored_as_json():
    assert Recipe(**json.loads(json.dumps(asdict(parse(TEXT))))) == parse(TEXT)


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[a-z][a-z0-9_-]{0,8}(@[1-9][0-9]?)?", fullmatch=True),
            st.one_of(st.integers(0, 10**9), st.floats(0, 3)),
            st.none() | st.integers(1, 10**6),
            st.integers(3, 9),
        ),
        min_size=1,
        max_size=5,
        unique_by=lambda c: c[0].partition("@")[0],
    )
)
def test_dump_and_parse_are_inverse(given_components):
    components = [
        Component(name, **{"rows" if isinstance(much, int) else "fraction": much}, cap=cap, max_repeats=most)
        for name, much, cap, most in given_components
    ]
    made = Recipe("x", 7, tuple(components))
    assert parse(dump(made)) == made


def test_pinning_numbers_only_what_has_no_number():
    pinned = parse(TEXT).pinned({"gpteacher": 4, "ecqa-clean": 9})
    assert [c.dataset for c in pinned.components] == ["ecqa-clean@1", "gpteacher@4"]
    with pytest.raises(BadConfig, match="no version of gpteacher"):
        parse(TEXT).pinned({})


@pytest.mark.parametrize(
    ("component", "sentence"),
    [
        ({"rows": "1"}, "a: rows must be a whole number, not the text '1'"),
        ({"rows": 1.0}, "a: rows must be a whole number, not 1.0"),
        ({"rows": True}, "a: rows must be a whole number, not the truth value True"),
        ({"rows": -1}, "a: rows must be 0 to 1,000,000,000,000, not -1"),
        ({"fraction": "0.5"}, "a: fraction must be a number like 0.5, not the text '0.5'"),
        ({"fraction": False}, "a: fraction must be a number like 0.5, not the truth value False"),
        ({"fraction": float("nan")}, "a: fraction must be 0 to 1,000, not nan"),
        ({"fraction": float("inf")}, "a: fraction must be 0 to 1,000, not inf"),
        ({"fraction": -0.1}, "a: fraction must be 0 to 1,000, not -0.1"),
        ({"fraction": 10**400}, "a: fraction must be 0 to 1,000, not a number of that size"),
        ({"fraction": 2.0}, "raise max_repeats to 2 or set a cap"),
        (
            {"rows": 1, "fraction": 1.0},
            "a: give one of rows, tokens, fraction and weight, exactly one of them",
        ),
        ({}, "a: give one of rows, tokens, fraction and weight, exactly one of them"),
        ({"rows": 1, "cap": 0}, "a: cap must be 1 to"),
        ({"rows": 1, "max_repeats": 0}, "a: max_repeats must be 1 to 1,000, not 0"),
        ({"rows": 1, "max_repeats": 1.5}, "a: max_repeats must be a whole number, not 1.5"),
        (
            {"rows": 1, "wieght": 3, "x": 1},
            "Component 1 has no wieght, x; it has cap, dataset, floor, fraction",
        ),
        ({"rows": 1, "dataset": "a@0"}, "dataset must be a name, or a name and a version like ecqa@2"),
        ({"rows": 1, "dataset": 7}, "dataset must be a name, or a name and a version like ecqa@2, not 7"),
        ({"rows": 1, "dataset": None}, "Component 1 has no dataset"),
    ],
)
def test_a_component_that_makes_no_sense_is_refused_in_a_sentence(component, sentence):
    with pytest.raises(BadConfig) as refusal:
        recipe(**component)
    assert sentence in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: x\nseed: 1\ncomponents: [", "not valid YAML in line 3"),
        ("name: x\nname: y\nseed: 1\ncomponents: []", "not valid YAML in line 2: name is given twice"),
        ("- a", "A recipe is a mapping of name, seed and components, not the list ['a']"),
        ("", "A recipe is a mapping of name, seed and components, not nothing"),
        ("name: x\ncomponents: [{dataset: a, rows: 1}]", "The recipe has no seed"),
        ("name: x\nseed: 1\ncomponents: []", "components must be a list with at least one dataset"),
        ("name: x\nseed: 1\ncomponents: {dataset: a}", "components must be a list with at least one dataset"),
        ("name: x\nseed: 1\ncomponents: [ecqa]", "Component 1 must be a mapping with a dataset"),
        ("name: x\nseed: true\ncomponents: [{dataset: a, rows: 1}]", "seed must be a whole number"),
        ("name: 12\nseed: 1\ncomponents: [{dataset: a, rows: 1}]", "name must be letters"),
        ("name: x\nseed: 1\nseeds: 2\ncomponents: [{dataset: a, rows: 1}]", "A recipe has no seeds"),
        (
            "name: x\nseed: 1\ncomponents: [{dataset: a@1, rows: 1}, {dataset: a@2, rows: 1}]",
            "a is listed twice, as a@1 and a@2; list it once",
        ),
        ("name: x\nseed: 2001-99-99\ncomponents: []", "not valid YAML"),
        ("[" * 5000, "not valid YAML"),
        ("!!python/object/apply:os.system ['true']", "not valid YAML in line 1"),
        (f"name: x\nseed: 0x{'f' * 9000}\ncomponents: [{{dataset: a, rows: 1}}]", "a number of that size"),
        ("name: \x00", "not valid YAML"),
        ("name: !!bool x", "a value does not fit its tag"),
        ("name: !!int ''", "a value does not fit its tag"),
        ("name: !!timestamp x", "a value does not fit its tag"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused_in_a_sentence(text, sentence):
    with pytest.raises(BadConfig) as refusal:
        parse(text)
    assert sentence in str(refusal.value)


# plans


def test_the_plan_shows_what_each_component_amounts_to():
    shares = plan(parse(TEXT), {"ecqa-clean@1": 2000, "gpteacher": 2000})
    assert shares == [
        Share("ecqa-clean@1", 2000, 3000, capped=True, share=0.75, asked=5000),
        Share("gpteacher", 2000, 1000, share=0.25),
    ]
    assert [s.repeats for s in shares] == [1.5, 0.5]


@pytest.mark.parametrize(
    ("component", "available", "rows"),
    [
        ({"fraction": 1.0}, 7, 7),
        ({"fraction": 1}, 7, 7),
        ({"fraction": 2.0, "max_repeats": 2}, 7, 14),
        ({"fraction": 0.29}, 100, 29),
        ({"fraction": 0.5}, 3, 1),
        ({"fraction": 0.0}, 3, 0),
        ({"fraction": 3.0, "cap": 3}, 3, 3),
        ({"rows": 0}, 0, 0),
        ({"rows": 9, "max_repeats": 3}, 3, 9),
    ],
)
def test_rows_of_a_component(component, available, rows):
    (share,) = plan(recipe(**component), {"a": available})
    assert (share.rows, share.share) == (rows, 1.0 if rows else 0.0)


def test_more_rows_than_repeats_allow_are_refused_with_the_numbers():
    with pytest.raises(
        BadConfig, match=r"a: 5,000 rows are wanted, but it has 2,000 and max_repeats 2 allows"
    ):
        plan(recipe(rows=5000, max_repeats=2), {"a": 2000})
    with pytest.raises(BadConfig, match="There is no version a"):
        plan(recipe(rows=1), {"b": 1})
