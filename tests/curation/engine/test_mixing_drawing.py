"""Which rows are drawn by tokens and strata, and which are left out as duplicates."""

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.engine.errors import BadConfig, BadInput
from curation.engine.exploring import ATTRIBUTES, sheet
from curation.engine.mixing import (
    Component,
    Draw,
    Duplicates,
    IdSet,
    Measured,
    Recipe,
    Stock,
    Stratum,
    draw,
    measured,
    plan,
    sample_keys,
    stock,
)
from curation.engine.mixing.sampling import TokenSampler
from curation.engine.records import REMOVED, record_id
from curation.engine.store import Store


def ids(count, source="a"):
    return pa.array([record_id(source, str(n)) for n in range(count)])


def batches(array, tokens, stratum=None, size=7):
    stratum = np.zeros(len(array), np.int64) if stratum is None else stratum
    for at in range(0, len(array), size):
        yield Measured(array.slice(at, size), stratum[at : at + size], tokens[at : at + size])


@given(st.lists(st.integers(0, 50), min_size=1, max_size=80), st.integers(0, 3000), st.integers(1, 20))
def test_tokens_are_drawn_to_within_one_row_whatever_the_batches(tokens, wanted, size):
    whole, tokens = ids(len(tokens)), np.array(tokens)
    have = int(tokens.sum())
    sampler = TokenSampler(5, "a", wanted, have)
    for rows in batches(whole, tokens, size=size):
        sampler.add(rows.ids, rows.tokens)
    cut = sampler.cut()
    given_ = int((cut.copies(whole) * tokens).sum())
    base, rest = divmod(wanted, have) if have else (0, 0)
    order = np.argsort(sample_keys(5, "a", whole))
    fits = order[: int(np.searchsorted(np.cumsum(tokens[order]), rest, side="right"))] if rest else []
    assert given_ == base * have + int(tokens[fits].sum()) <= wanted
    assert wanted - given_ < tokens.max() or not have


def test_a_long_stream_of_tokens_is_pruned_and_gives_the_same_rows():
    hexes = np.random.default_rng(0).integers(0, 2**63, (600_000, 2))
    many = pa.array([f"{a:016x}{b:016x}" for a, b in hexes.tolist()])
    tokens = np.full(600_000, 10)
    sampler = TokenSampler(3, "a", 12_345, 6_000_000)
    for rows in batches(many, tokens, size=10_000):
        sampler.add(rows.ids, rows.tokens)
    best = np.argsort(sample_keys(3, "a", many))[:1234]
    assert set(np.flatnonzero(sampler.cut().copies(many))) == set(best)


def test_each_stratum_gives_its_own_rows_and_the_draw_survives_json():
    whole, stratum = ids(100), np.array([0] * 10 + [1] * 40 + [2] * 50)
    strata = (Stratum("source", "x", share=0.2), Stratum("source", "y", rows=30))
    have = Stock(100, 0, ((10, 0), (40, 0), (50, 0)))
    made = Recipe("m", 1, (Component("a", rows=100, max_repeats=2, strata=strata),))
    (share,) = plan(made, {"a": have})
    zeros = np.zeros(100, np.int64)
    found = draw(batches(whole, zeros, stratum), share, have, seed=1)
    found = Draw(**orjson.loads(orjson.dumps(found)))
    copies = found.copies(Measured(whole, stratum, zeros))
    assert [int(copies[stratum == n].sum()) for n in range(3)] == [20, 30, 50]
    assert set(copies[:10]) == {2}


def test_rows_that_are_gone_are_drawn_by_nobody():
    whole, gone = ids(50), IdSet(ids(50).slice(0, 20))
    have, zeros = Stock(30, left_out=20), np.zeros(50, np.int64)
    (share,) = plan(Recipe("m", 1, (Component("a", rows=12),)), {"a": have})
    found = draw(batches(whole, zeros), share, have, seed=1, gone=gone)
    copies = found.copies(Measured(whole, zeros, zeros), gone)
    assert copies[:20].sum() == 0 and copies.sum() == 12


@given(st.sets(st.integers(0, 60)), st.lists(st.integers(0, 60)))
def test_a_set_of_ids_is_a_set(inside, asked):
    name = "{:016x}{:016x}".format  # equal first halves in threes
    held = IdSet(pa.array([name(n // 3, n) for n in inside], pa.string()))
    assert held.holds(pa.array([name(n // 3, n) for n in asked], pa.string())).tolist() == [
        n in inside for n in asked
    ]


def removed(*pairs):
    rows = [
        {"record_id": gone, "reason": "duplicate", "evidence": orjson.dumps({"kept_id": kept}).decode()}
        for gone, kept in pairs
    ]
    return pa.RecordBatch.from_pylist(rows, REMOVED)


def test_a_duplicate_goes_only_where_the_kept_row_is_in_the_pool():
    a, b = ids(3, "a").to_pylist(), ids(3, "b").to_pylist()
    found = Duplicates.read([removed((b[0], a[0]), (b[1], record_id("elsewhere", "1")))])
    seen = [found.seen([pa.array(a)]), found.seen([pa.array(b[:2]), pa.array(b[2:])])]
    gone = found.gone(seen)
    assert gone.pairs.column("id").to_pylist() == [b[0]]
    assert [gone.within(one) for one in seen] == [0, 1]
    assert gone.kept_for(pa.array([b[0]])).to_pylist() == [a[0]]
    assert len(found.gone(seen[1:])) == 0


def test_removed_rows_that_do_not_say_what_was_kept_are_refused():
    batch = pa.RecordBatch.from_pylist([{"record_id": "x", "reason": "bad", "evidence": "{}"}], REMOVED)
    with pytest.raises(BadInput, match="do not say for which row they went"):
        Duplicates.read([batch])


@pytest.fixture
def profile(tmp_path):
    """Rows of two sources with 10 tokens each, every third one about maths."""
    schema = pa.schema(
        [*ATTRIBUTES, pa.field("label.topic", pa.string()), pa.field("label.lang", pa.string())]
    )
    rows = [
        {
            "row": n,
            "id": record_id("a", str(n)),
            "source": "ab"[n % 2],
            "tokens": 10,
            "turns": n % 4,
            "label.topic": None if n % 3 else "maths",
            "label.lang": "de",
        }
        for n in range(12)
    ]
    store = Store(str(tmp_path))
    with store.writer("1/profile/0.parquet", schema) as writer:
        writer.write(pa.RecordBatch.from_pylist(rows, schema))
    return store, [writer.close()]


def test_rows_are_sorted_into_the_first_stratum_that_they_fit(profile):
    strata = [
        Stratum("label.topic", "maths", share=0.1),
        Stratum("turns", low=2, share=0.1),
        Stratum("language", "de", share=0.1),
    ]
    with sheet(*profile) as opened:
        assert stock(opened, strata) == Stock(12, 120, ((4, 40), (4, 40), (4, 40), (0, 0)))
        gone = pa.array([record_id("a", "0"), record_id("a", "1")])
        assert stock(opened, strata, gone) == Stock(10, 100, ((3, 30), (4, 40), (3, 30), (0, 0)), 2)
        (rows,) = measured(opened, strata)
    assert rows.stratum.tolist() == [0, 2, 1, 0, 2, 2, 0, 1, 2, 0, 1, 1]
    assert rows.ids.to_pylist()[3] == record_id("a", "3") and rows.tokens.sum() == 120


def test_a_column_that_is_not_in_the_profile_is_named_with_those_that_are(profile):
    with (
        sheet(*profile) as opened,
        pytest.raises(BadConfig, match=r"no label.level .* label.topic, label.lang"),
    ):
        stock(opened, [Stratum("label.level", "1", share=0.5)])
