"""Deduplication: sentences with known answers, the plain rule, and data that would explode if it could."""

import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from curation.engine.errors import BadConfig, BadInput, Refused
from curation.engine.records import Completion, Content, Message, Record, to_batch
from decontam.engine.dedupe import DedupeConfig, Deduplicated, Key, Lookup, deduplicate, deduplicate_shards
from decontam.engine.dedupe.config import PERMUTATIONS, SURE, banding, shared
from decontam.engine.dedupe.keys import columns, key_texts, merits
from decontam.engine.dedupe.library import ROW
from decontam.engine.dedupe.ordering import order
from decontam.engine.dedupe.pairing import PAIRS, candidates
from decontam.engine.dedupe.resolving import guard
from decontam.engine.dedupe.signing import sign_texts, signed_schema
from decontam.engine.signatures import Scheme, similarities

FOX = "The quick brown fox jumps over the lazy dog near the river bank while the sun goes down behind the old mill"
OWL = "An old grey owl sits alone upon the crooked branch and waits for the night in which it will hunt for mice"


def prose(seed: int, count: int = 60) -> str:
    chance = random.Random(seed)
    return " ".join(f"w{chance.randrange(5000)}" for _ in range(count))


def changed(text: str, *places: int, to: str = "changed") -> str:
    found = text.split()
    for place in places:
        found[place] = f"{to}{place}"
    return " ".join(found)


def fates(found: Deduplicated) -> dict[str, str]:
    """Which row went for which."""
    return dict(
        zip(found.removed["record_id"].to_pylist(), found.removed["kept_id"].to_pylist(), strict=True)
    )


# ---- what is a duplicate


def test_texts_that_differ_in_case_and_white_space_are_the_same() -> None:
    found = deduplicate(
        [FOX, OWL, f"  {FOX.upper()}\n\n", OWL.replace(" ", " \t")], config=DedupeConfig(near=False)
    )
    assert fates(found) == {"2": "0", "3": "1"} and found.kept.tolist() == [0, 1]
    assert set(found.removed["method"].to_pylist()) == {"exact"}
    assert found.removed["similarity"].to_pylist() == [1.0, 1.0]


def test_near_duplicates_carry_their_true_similarity() -> None:
    text = prose(1)
    found = deduplicate([text, OWL, changed(text, 30)])
    assert fates(found) == {"2": "0"}
    (similarity,) = found.removed["similarity"].to_pylist()
    assert similarity == 51 / 61 == similarities([text], [changed(text, 30)], 5)[0]
    assert found.removed["reason"].to_pylist() == ["similar text (0.84)"]


def test_below_the_threshold_nothing_goes() -> None:
    text = prose(1)
    assert not fates(deduplicate([text, changed(text, 20, 40)]))
    assert fates(deduplicate([text, changed(text, 20, 40)], config=DedupeConfig(threshold=0.6))) == {"1": "0"}
    assert not fates(deduplicate([text, changed(text, 30)], config=DedupeConfig(near=False)))


def test_empty_texts_and_texts_without_words_are_like_nothing_else() -> None:
    found = deduplicate(["", "", " \n", None, "?!", "?!", "…", FOX])
    assert fates(found) == {"5": "4"}
    assert found.facts["rows"] == 8 and found.facts["exact"] == 1


def test_sums_with_other_operators_are_not_the_same() -> None:
    found = deduplicate(["What is 2 + 3?", "What is 2 - 3?", "what is 2 + 3", "What is 2 × 3?"])
    assert fates(found) == {"2": "0"}


def test_no_rows_are_no_duplicates() -> None:
    found = deduplicate([])
    assert found.kept.tolist() == [] and found.facts["rows"] == 0 and found.facts["sources"] == {}


# ---- clusters


def test_a_member_must_match_the_row_that_is_kept() -> None:
    first = prose(3)
    second, third = changed(first, 20), changed(first, 20, 40)
    assert similarities([first, second, first], [second, third, third], 5).round(2).tolist() == [
        0.84,
        0.84,
        0.7,
    ]
    assert fates(deduplicate([first, second, third])) == {"1": "0"}
    whole = deduplicate([first, second, third], config=DedupeConfig(closure=True))
    assert fates(whole) == {"1": "0", "2": "0"}
    assert whole.removed["reason"].to_pylist() == ["similar text (0.84)", "linked through other rows"]
    assert whole.removed["similarity"].to_pylist()[1] is None


def test_a_row_goes_for_the_most_similar_one_that_stays() -> None:
    far, near = changed(prose(4), 10), changed(prose(4), 40)
    assert fates(deduplicate([far, near, changed(prose(4), 40, 59)])) == {"2": "1"}


def test_copies_of_a_row_that_goes_go_with_it() -> None:
    text = prose(5)
    found = deduplicate([text, changed(text, 30), changed(text, 30).upper()])
    assert fates(found) == {"1": "0", "2": "0"}
    assert found.removed["method"].to_pylist() == ["near", "near"]


def test_clusters_are_numbered_from_the_largest_and_begin_with_the_row_that_is_kept() -> None:
    found = deduplicate([OWL, FOX, FOX, OWL, FOX], ids=list("abcde"), sources=list("xyxyx"))
    told = found.clusters.select(["cluster", "record_id", "kept_id", "method", "source"]).to_pylist()
    assert [tuple(row.values()) for row in told] == [
        (1, "b", "b", "kept", "y"),
        (1, "c", "b", "exact", "x"),
        (1, "e", "b", "exact", "x"),
        (2, "a", "a", "kept", "x"),
        (2, "d", "a", "exact", "y"),
    ]


# ---- which one is kept


def test_sources_are_kept_by_priority_then_by_position() -> None:
    given = [FOX, FOX, FOX, OWL, OWL]
    found = deduplicate(given, sources=["c", "b", "a", "d", "c"], config=DedupeConfig(sources=["a", "b"]))
    assert fates(found) == {"0": "2", "1": "2", "4": "3"}


def test_the_longest_the_best_or_the_newest_is_kept() -> None:
    text = prose(6)
    given = [text, f"{text} and more", changed(text, 30)]
    assert fates(deduplicate(given, config=DedupeConfig(keep="longest"))) == {"0": "1", "2": "1"}
    best = DedupeConfig(keep="quality", keep_by="score")
    assert fates(deduplicate(given, config=best, merit=[1, 2, 3]))["0"] == "2"


def test_merit_is_read_from_labels_and_notes() -> None:
    def one(own: str, **fields: Any) -> Record:
        return Record(own, "s", Content((Message("user", "Hello there"),), **fields))

    rows = to_batch(
        [
            one("a", labels={"score": "0.5"}, meta={"at": "2024-05-01"}),
            one("b", meta={"score": "7", "at": "2024-05-01T10:00:00+02:00"}),
            one("c", labels={"score": "good"}, meta={"at": "someday"}),
            one("d", labels={"score": "nan"}, meta={"at": "1714521600"}),
        ]
    )
    texts = key_texts(rows, Key.PROMPT)
    assert merits(rows, texts, DedupeConfig(keep="quality", keep_by="score")).tolist() == [
        0.5,
        7,
        -np.inf,
        -np.inf,
    ]
    day = 1714521600
    newest = merits(rows, texts, DedupeConfig(keep="newest", keep_by="at")).tolist()
    assert newest == [day, day + 8 * 3600, -np.inf, day]
    assert merits(rows, texts, DedupeConfig(keep="longest")).tolist() == [11] * 4


# ---- what is compared


def test_prompt_response_or_both_are_compared() -> None:
    chat = Content(
        (Message("system", "S"), Message("user", "U"), Message("assistant", "A"), Message("user", "V"))
    )
    pair = Content(
        (Message("user", "Q"),),
        (Completion("a", (Message("assistant", "X"),)), Completion("b", (Message("assistant", "Y"),))),
    )
    none = Content((Message("assistant", None, tool_calls="[]"),))
    rows = to_batch([Record("1", "s", chat), Record("2", "s", none), Record("3", "s", pair)])
    for batch in (rows, to_batch([Record("0", "s", pair)] * 2 + [Record("1", "s", chat)] + [Record("2", "s", none)] +
                                 [Record("3", "s", pair)]).slice(2)):  # fmt: skip
        assert key_texts(batch, Key.PROMPT).to_pylist() == ["S\nU\nV", "", "Q"]
        assert key_texts(batch, Key.RESPONSE).to_pylist() == ["A", "", "X\nY"]
        assert key_texts(batch, Key.BOTH).to_pylist() == ["S\nU\nA\nV", "", "Q\nX\nY"]


def test_only_the_columns_that_are_compared_are_read() -> None:
    assert not any("completions" in name for name in columns(DedupeConfig(key="prompt")))
    assert "meta" in columns(DedupeConfig(keep="newest", keep_by="at"))


# ---- one version against another


def against(config: DedupeConfig, reference: list[str], others: list[str]) -> dict[str, str]:
    return fates(deduplicate([*reference, *others], config=config, reference=len(reference)))


def test_rows_that_a_reference_has_go_and_the_reference_stays() -> None:
    text = prose(7)
    reference, others = [FOX, FOX, text, changed(text, 30)], [OWL, FOX.upper(), OWL, changed(text, 10)]
    assert against(DedupeConfig(), reference, others) == {"5": "0", "6": "4", "7": "2"}
    assert against(DedupeConfig(each_other=False), reference, others) == {"5": "0", "7": "2"}
    assert against(DedupeConfig(reference_itself=True), reference, others) == {
        "1": "0", "3": "2", "5": "0", "6": "4", "7": "2",
    }  # fmt: skip
    assert against(DedupeConfig(closure=True), reference, others) == {"5": "0", "6": "4", "7": "2"}


def test_the_reference_comes_before_any_priority() -> None:
    config = DedupeConfig(sources=["b"], keep="quality", keep_by="score")
    found = deduplicate([FOX, FOX], sources=["a", "b"], config=config, merit=[0, 9], reference=1)
    assert fates(found) == {"1": "0"}


# ---- facts and alarm


def test_facts_say_what_each_source_loses_and_an_alarm_refuses_it() -> None:
    config = DedupeConfig(sources=["good"], max_source_loss=0.5)
    found = deduplicate(
        [FOX, OWL, FOX, OWL, prose(1)], sources=["good", "good", "bad", "bad", "bad"], config=config
    )
    assert found.facts["sources"] == {
        "bad": {"rows": 3, "lost": 2, "share": 0.666667},
        "good": {"rows": 2, "lost": 0, "share": 0.0},
    }
    assert found.facts["over"] == ["bad"]
    with pytest.raises(Refused, match="Source bad would lose 2 of its 3 rows"):
        guard(found.facts, config)
    guard(found.facts, DedupeConfig(allow_loss=True))
    assert not deduplicate([FOX, OWL, FOX], sources=["a", "a", "a"]).facts["over"]


# ---- against the plain rule


def plain(texts: list[str], config: DedupeConfig) -> dict[str, str]:
    """Every row against every row that stays, in order."""
    gone: dict[int, int] = {}
    for row, text in enumerate(texts):
        keepers = [k for k in range(row) if k not in gone]
        if keepers:
            found = similarities([texts[k] for k in keepers], [text] * len(keepers), config.shingle)
            if found.max() >= config.threshold:
                gone[row] = keepers[int(found.argmax())]
    return {str(row): str(kept) for row, kept in gone.items()}


def test_results_are_those_of_comparing_everything_with_everything() -> None:
    chance = random.Random(11)
    given = [prose(seed) for seed in range(150)]
    for k in range(150):
        places = chance.sample(range(60), chance.choice([1, 1, 1, 2]))
        given.append(changed(given[chance.randrange(150)], *places, to=f"c{k}"))
    found = fates(deduplicate(given))
    assert len(found) > 60
    assert found == plain(given, DedupeConfig())


def test_rows_that_all_share_a_template_are_found_among_each_other() -> None:
    """Every bucket is full of rows that are alike and no duplicates; the neighbours are."""
    template, chance = prose(12, 80), random.Random(13)
    given = [changed(template, *range(k % 7, 80, 27), to=f"v{k}x") for k in range(2000)]
    planted = {len(given) + k: chance.randrange(2000) for k in range(100)}
    given += [f"{given[row]} end" for row in planted.values()]
    found = fates(deduplicate(given))
    expected = {str(copy): str(row) for copy, row in planted.items()}
    assert sum(found.get(copy) == row for copy, row in expected.items()) >= 90
    assert set(found) <= set(expected)


# ---- shards, memory, explosions


def shards(texts: list[str], size: int, batch: int) -> list[Any]:
    count = len(texts)
    columns = [pa.array(texts, pa.large_string()), pa.array([f"r{k}" for k in range(count)])]
    table = pa.Table.from_arrays(
        [*columns, pa.array([f"s{k % 3}" for k in range(count)]), pa.array(np.zeros(count))], schema=ROW
    )
    cuts = [table.slice(start, size) for start in range(0, count, size)]
    return [lambda cut=cut: cut.to_batches(max_chunksize=batch) for cut in cuts]


def test_results_do_not_depend_on_shards_and_batches() -> None:
    given = [prose(seed % 300 if seed % 2 else seed) for seed in range(400)]
    given += [changed(given[k], 30) for k in range(100)]
    expected = deduplicate_shards(shards(given, 500, 500), DedupeConfig())
    assert expected.facts["near"] and expected.facts["exact"]
    for size, batch in ((500, 7), (123, 50), (60, 60)):
        found = deduplicate_shards(shards(given, size, batch), DedupeConfig())
        assert found.clusters.equals(expected.clusters) and found.facts == expected.facts


@pytest.mark.slow
def test_one_row_repeated_a_million_times_is_compared_once() -> None:
    repeated = pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(1_000_000, np.int32)), pa.array(["Hello you"])
    )
    found = deduplicate(
        pa.chunked_array([pa.array([FOX, "hello  YOU", changed(FOX, 0)]), repeated.cast(pa.string())])
    )
    assert found.facts["exact"] == 1_000_000 and found.facts["near"] == 1
    assert found.kept.tolist() == [0, 1] and found.facts["largest"] == 1_000_001


def test_a_bucket_is_paired_in_a_star_and_never_with_itself() -> None:
    config, count = DedupeConfig(), 5000
    texts = [changed(prose(1, 400), k % 400, to=f"x{k}x") for k in range(count)]
    named = pa.array([str(k) for k in range(count)])
    signed = sign_texts(texts, named, named, np.zeros(count), 0, config)
    rows, bands = list(order([signed])), [0, 1, 2]
    pairs = pa.Table.from_batches(candidates([signed], rows, bands, config), PAIRS)
    assert count < len(pairs) <= len(bands) * count
    none_gone = candidates([signed], rows, bands, config, gone=[])
    assert len(pa.Table.from_batches(none_gone, PAIRS)) <= 2 * len(bands) * count


def test_a_row_of_fifty_megabytes_is_a_row_like_any_other() -> None:
    huge = "lorem ipsum dolor sit amet consectetur elit sed do " * 1_000_000
    assert fates(deduplicate([FOX, huge, f"{huge}!", f"{huge} so"])) == {"2": "1", "3": "1"}


def test_bytes_that_are_no_text_are_compared_like_any_other() -> None:
    chance = random.Random(17)
    noise = [chance.randbytes(3000) for _ in range(20)]
    binary = pa.array([*noise, noise[3], b"\xff\x00", b"\xff\x00"], pa.binary()).view(pa.string())
    assert fates(deduplicate(binary)) == {"20": "3", "22": "21"}


# ---- configs and tables


@pytest.mark.parametrize(
    "wrong", [{"key": "all"}, {"keep": "best"}, {"threshold": 0.1}, {"threshold": 1.1}, {"threshold": True},
              {"threshold": float("nan")}, {"shingle": 0}, {"keep": "quality"}, {"keep_by": "score"},
              {"sources": "abc"}, {"sources": [1]}, {"max_source_loss": -1}, {"near": 1}, {"seed": -1}],
)  # fmt: skip
def test_a_configuration_checks_itself(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadConfig):
        DedupeConfig(**wrong)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0])
def test_pairs_at_the_threshold_share_a_band(threshold: float) -> None:
    bands, width = banding(threshold, PERMUTATIONS)
    assert bands * width <= PERMUTATIONS and shared(threshold, bands, width) >= SURE


def test_columns_of_other_lengths_are_refused() -> None:
    with pytest.raises(BadInput, match="1 sources for 2 texts"):
        deduplicate([FOX, OWL], sources=["a"])


def test_signed_tables_say_how_they_were_made() -> None:
    Scheme(shingle=4).require_same(signed_schema(DedupeConfig(shingle=4)).metadata)
    with pytest.raises(BadInput, match="shingle 4 not 5"):
        Scheme().require_same(signed_schema(DedupeConfig(shingle=4)).metadata)


# ---- look-ups


def test_a_lookup_finds_similar_texts_by_name() -> None:
    text = prose(20)
    lookup = Lookup(threshold=0.7)
    lookup.add({"a": text, "b": OWL, "empty": "", "c": changed(text, 59)})
    assert lookup.find(changed(text, 0)) == ["a", "c"]
    assert lookup.find("") == lookup.find("nothing like it in there") == []
    lookup.remove(["a", "unknown"])
    assert lookup.find(text) == ["c"]
    with pytest.raises(BadInput, match="b is in this index already"):
        lookup.add({"b": FOX})
