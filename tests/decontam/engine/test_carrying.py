import pyarrow as pa

from decontam.engine.carrying import carry_over, places, renaming, unlike


def test_an_item_keeps_its_matches_under_the_ids_that_it_has_now():
    before = {"quiz": places(["1", "2", "3"], ["a", "b", "a"])}
    now = {"quiz": places(["7", "8", "9"], ["a", "c", "a"])}
    renamed = renaming(before, now)
    assert renamed == {("quiz", "1"): ["7", "9"]}
    matches = pa.record_batch(
        {"seq": [1, 2, 3, 4], "benchmark": ["quiz", "quiz", "quiz", "exam"], "item_id": ["1", "2", "3", "1"]}
    )
    (kept,) = carry_over([matches], renamed)
    assert kept.to_pylist() == [
        {"seq": None, "benchmark": "quiz", "item_id": "7"},
        {"seq": None, "benchmark": "quiz", "item_id": "9"},
    ]


def test_a_benchmark_that_is_gone_takes_its_matches_along():
    assert renaming({"quiz": places(["1"], ["a"])}, {"exam": places(["1"], ["a"])}) == {}


def test_new_items_are_those_of_other_fingerprints():
    assert unlike(["a", "b", "c"], places(["1"], ["b"])).to_pylist() == [True, False, True]
