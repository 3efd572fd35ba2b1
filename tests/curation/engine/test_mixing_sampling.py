"""Which rows a mixture draws, and the order in which its shards hold them."""

import hashlib
import json
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.engine.errors import BadInput
from curation.engine.mixing import (
    Cut,
    Piece,
    boundaries,
    bucket,
    chosen_ids,
    cut,
    expand,
    gather,
    order_keys,
    parse,
    plan,
    sample_keys,
)
from curation.engine.records import SCHEMA, Content, Message, Record, from_batch, record_id, to_batch


def ids(count, source="a"):
    return pa.array([record_id(source, str(n)) for n in range(count)])


def pieces_of(array, sizes):
    """The array in slices whose sizes go round through `sizes`."""
    at = turn = 0
    while at < len(array):
        size = sizes[turn % len(sizes)]
        yield array.slice(at, size)
        at, turn = at + size, turn + 1


def take(array, rows, **options):
    """The ids that a cut chooses, each as often as it does."""
    made = cut(iter([array]), rows=rows, available=len(array), **{"seed": 1, "dataset": "a", **options})
    return np.repeat(array.to_pylist(), made.copies(array)).tolist()


def batch_of(names, text="hello"):
    messages = (Message("user", text), Message("assistant", "yes"))
    return to_batch([Record(name, "src", Content(messages, labels={"n": name}), ("p",)) for name in names])


# sampling


def test_sample_keys_are_what_they_were():
    """The keys are part of the format: a change here would change every mixture that is built again."""
    one = pa.array(["00112233445566778899aabbccddeeff"])
    salt = hashlib.sha256(b"sample\x0042\0ecqa").digest()[:8]
    word, mask = int.from_bytes(salt), 2**64 - 1

    def splitmix(z):
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
        return z ^ (z >> 31)

    expected = splitmix((splitmix(0x0011223344556677 ^ word) + word) & mask)
    assert sample_keys(42, "ecqa@3", one).tolist() == [expected] == [1132252303238199452]


@pytest.mark.parametrize("bad", ["q1", "G" * 32, "A" * 32, "é" * 16, None])
def test_an_id_that_is_no_record_id_is_refused(bad):
    with pytest.raises(BadInput, match="32 hex digits"):
        sample_keys(1, "a", pa.array([record_id("a", "1"), bad], pa.string()))


def test_slices_of_ids_have_the_keys_of_their_rows():
    whole = ids(100)
    keys = sample_keys(1, "a", whole)
    assert (sample_keys(1, "a", whole.slice(13, 20)) == keys[13:33]).all()
    assert (
        sample_keys(1, "a", pa.chunked_array([whole.slice(5, 3), whole.slice(50)]))
        == keys[[5, 6, 7, *range(50, 100)]]
    ).all()
    assert len(sample_keys(1, "a", whole.slice(0, 0))) == 0


def test_keys_are_spread_evenly():
    keys = np.concatenate([sample_keys(seed, "a", ids(4096)) for seed in range(4)])
    for shift in (0, 13, 30, 60):
        counts = np.bincount((keys >> np.uint64(shift)).astype(np.int64) & 15, minlength=16)
        assert (abs(counts - 1024) < 5 * 32).all()


@given(
    st.integers(0, 300),
    st.integers(1, 3),
    st.randoms(use_true_random=False),
    st.lists(st.integers(1, 40), min_size=1, max_size=4),
)
@settings(deadline=None)
def test_a_sample_does_not_depend_on_order_or_batches(rows, times, random, sizes):
    whole = ids(100)
    shuffled = whole.to_pylist()
    random.shuffle(shuffled)
    batches = pieces_of(pa.array(shuffled), sizes)
    made = cut(batches, rows=rows, available=100, seed=times, dataset="a")
    assert made == cut(iter([whole]), rows=rows, available=100, seed=times, dataset="a")
    copies = np.concatenate([made.copies(piece) for piece in pieces_of(whole, sizes)])
    assert copies.sum() == rows
    assert copies.max() - copies.min() <= 1
    assert (copies == made.copies(whole)).all()


@given(st.integers(0, 60), st.integers(0, 60))
def test_a_larger_sample_contains_the_smaller_one(k, more):
    assert set(take(ids(120), k)) <= set(take(ids(120), k + more))


@given(st.integers(1, 50), st.integers(0, 50))
def test_when_a_dataset_grows_only_new_rows_push_old_ones_out(k, growth):
    old, grown = ids(50), ids(50 + growth)
    assert set(take(grown, k)) & set(old.to_pylist()) <= set(take(old, k))


def test_seeds_and_datasets_are_sampled_independently():
    whole = ids(2000)
    first = set(take(whole, 1000))
    for other in (take(whole, 1000, seed=2), take(whole, 1000, dataset="b")):
        assert 430 < len(first & set(other)) < 570
    assert first == set(take(whole, 1000, dataset="a@7"))


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_rows_with_one_key_are_told_apart_by_their_id(rows):
    twins = [f"{7:016x}{low:016x}" for low in (5, 2**64 - 1, 0, 9)]
    assert sorted(take(pa.array(twins), rows)) == sorted(twins)[:rows]


def test_a_long_stream_is_pruned_and_gives_the_same_rows():
    hexes = np.random.default_rng(0).integers(0, 2**63, (600_000, 2))
    many = pa.array([f"{a:016x}{b:016x}" for a, b in hexes.tolist()])
    made = cut(pieces_of(many, [10_000]), rows=1000, available=600_000, seed=3, dataset="a")
    best = np.argsort(sample_keys(3, "a", many))[:1000]
    assert set(np.flatnonzero(made.copies(many))) == set(best)


def test_upsampling_gives_every_row_its_copies_and_the_rest_to_the_smallest_keys():
    whole = ids(10)
    assert sorted(take(whole, 20)) == sorted(whole.to_pylist() * 2)
    assert set(take(whole, 23)) == set(whole.to_pylist())
    assert sorted(take(whole, 23)) == sorted(whole.to_pylist() * 2 + take(whole, 3))


def test_a_whole_dataset_is_taken_without_reading_it():
    def unread():
        raise AssertionError
        yield

    assert cut(unread(), rows=200, available=100, seed=1, dataset="a") == Cut(1, "a", 2)
    assert cut(unread(), rows=0, available=0, seed=1, dataset="a") == Cut(1, "a", 0)


def test_a_cut_survives_json():
    made = cut([ids(50)], rows=20, available=50, seed=2**63 - 1, dataset="a")
    assert Cut(**json.loads(json.dumps(asdict(made)))) == made


def test_a_version_of_another_size_than_promised_is_refused():
    with pytest.raises(BadInput, match="a@2 should have 60 rows, but 50 ids were read"):
        cut([ids(50)], rows=20, available=60, seed=1, dataset="a@2")


def test_copies_are_rows_of_their_own_that_name_their_parent():
    one, two, three = (record_id("src", n) for n in "123")
    made = from_batch(expand(batch_of([one, two, three]), np.array([1, 0, 3])))
    copies = [record_id("copy", f"{three}#2"), record_id("copy", f"{three}#3")]
    assert [r.id for r in made] == [one, three, *copies]
    assert [r.parents for r in made] == [("p",), ("p",), (three,), (three,)]
    assert {r.content.labels["n"] for r in made[1:]} == {three}
    assert chosen_ids(pa.array([one, two, three]), np.array([1, 0, 3])).to_pylist() == [r.id for r in made]


@pytest.mark.parametrize("copies", [[1, 1, 1], [0, 0, 0], [0, 1, 1], [2, 2, 2]])
def test_expanded_batches_keep_the_schema(copies):
    made = expand(batch_of([record_id("src", n) for n in "123"]).slice(0), np.array(copies))
    assert made.schema == SCHEMA and made.num_rows == sum(copies)
    made.validate(full=True)


# order


@given(st.integers(1, 130), st.lists(st.integers(1, 40), min_size=1, max_size=3))
def test_shards_have_exactly_the_rows_they_should(shard_rows, sizes):
    keys = [order_keys(1, piece) for piece in pieces_of(ids(120), sizes)]
    bounds = boundaries(keys, shard_rows)
    counts = np.bincount(np.concatenate([bucket(k, bounds) for k in keys]), minlength=len(bounds) + 1)
    assert counts.tolist() == [shard_rows] * (120 // shard_rows) + (
        [120 % shard_rows] if 120 % shard_rows else []
    )


def test_order_differs_by_seed_and_from_the_order_of_sampling():
    whole = ids(500)
    orders = [order_keys(1, whole), order_keys(2, whole), sample_keys(1, "a", whole)]
    ranks = [np.argsort(np.argsort(keys)) for keys in orders]
    assert all(abs(np.corrcoef(ranks[i], ranks[j])[0, 1]) < 0.2 for i, j in ((0, 1), (0, 2), (1, 2)))


def ipc(table):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


@given(st.randoms(use_true_random=False), st.lists(st.integers(1, 12), min_size=1, max_size=3))
@settings(deadline=None)
def test_a_shard_is_the_same_whatever_its_pieces(random, sizes):
    whole = batch_of(ids(40).to_pylist())
    shared = whole.slice(0, 10)
    expected = gather([Piece(0, whole), Piece(1, shared)], seed=5)
    pieces = [Piece(0, b) for b in pieces_of_batch(whole, sizes)] + [
        Piece(1, pa.table(b)) for b in pieces_of_batch(shared, sizes)
    ]
    random.shuffle(pieces)
    found = gather(pieces, seed=5)
    assert ipc(found.rows) == ipc(expected.rows)
    assert found.component.tolist() == [0] * 40 and found.dropped.equals(expected.dropped)


def pieces_of_batch(batch, sizes):
    at = turn = 0
    while at < batch.num_rows:
        yield batch.slice(at, sizes[turn % len(sizes)])
        at, turn = at + sizes[turn % len(sizes)], turn + 1


def test_a_row_that_two_components_give_stays_with_the_first_and_is_counted():
    a, b, c = (record_id("src", n) for n in "abc")
    clean, raw = batch_of([a, b], "clean"), batch_of([c, b, a], "raw")
    made = gather([Piece(1, raw), Piece(0, clean), Piece(2, batch_of([a]))], seed=1)
    texts = {r.id: r.content.messages[0].content for r in from_batch(made.rows.to_batches()[0])}
    assert texts == {a: "clean", b: "clean", c: "raw"}
    assert dict(zip(made.rows.column("id").to_pylist(), made.component.tolist(), strict=True)) == {
        a: 0,
        b: 0,
        c: 1,
    }
    assert sorted(tuple(d.values()) for d in made.dropped.to_pylist()) == sorted(
        [(a, 1, 0), (a, 2, 0), (b, 1, 0)]
    )


def test_a_row_that_two_components_give_counts_once_in_the_size_of_shards():
    keys = order_keys(1, ids(10))
    assert boundaries([keys, keys[:5]], 5) == boundaries([keys], 5)


def test_one_component_must_not_give_a_row_twice():
    a = record_id("src", "a")
    with pytest.raises(BadInput, match=f"Component 2 of the mixture has the id {a} more than once"):
        gather([Piece(1, batch_of([a], "x")), Piece(1, batch_of([a], "y"))], seed=1)


def test_nothing_gathers_to_nothing():
    assert gather([], seed=1).rows.schema == SCHEMA
    assert boundaries([], 5) == []
    assert bucket(order_keys(1, ids(3)), []).tolist() == [0, 0, 0]


def test_a_mixture_is_the_same_for_every_division_of_the_work():
    """The three passes of a run, done at once and in small slices."""
    made = parse(
        "name: m\nseed: 9\ncomponents: [{dataset: a, rows: 150, max_repeats: 2}, {dataset: b, rows: 40}]"
    )
    data = {
        "a": batch_of(ids(100).to_pylist()),
        "b": batch_of([*ids(30).to_pylist(), *ids(50, "b").to_pylist()]),
    }
    assert build(made, data, [1000]) == build(made, data, [7, 3]) == build(made, data, [1])


def build(made, data, sizes):
    available = {name: batch.num_rows for name, batch in data.items()}
    cuts = {
        share.dataset: cut(
            pieces_of(data[share.dataset].column("id"), sizes),
            rows=share.rows,
            available=share.available,
            seed=made.seed,
            dataset=share.dataset,
        )
        for share in plan(made, available)
    }
    chosen = [
        order_keys(made.seed, chosen_ids(piece, cuts[name].copies(piece)))
        for name, batch in data.items()
        for piece in pieces_of(batch.column("id"), sizes)
    ]
    bounds = boundaries(chosen, 64)
    shards = [[] for _ in range(len(bounds) + 1)]
    for place, (name, batch) in enumerate(data.items()):
        for part in pieces_of_batch(batch, sizes):
            rows = expand(part, cuts[name].copies(part.column("id")))
            where = bucket(order_keys(made.seed, rows.column("id")), bounds)
            for shard in np.unique(where):
                shards[shard].append(Piece(place, rows.filter(pa.array(where == shard))))
    gathered = [gather(pieces, made.seed) for pieces in shards]
    assert [g.rows.num_rows for g in gathered[:-1]] == [64] * (len(gathered) - 1)
    return [ipc(g.rows) for g in gathered], sum(g.dropped.num_rows for g in gathered)
