import random
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from curation.engine.units import Texts
from decontam.engine import BenchmarkIndex
from decontam.engine.evidence import CAUSES, MATCHES, Counts, Evidence, Items, SortedEvidence
from decontam.engine.precision import PARTIAL
from decontam.engine.report import BenchmarkCounts

FOX = "the quick brown fox jumps over the lazy dog again and again"
OWL = "a wise old owl sat quietly in the tallest oak of the wood"


def items(*texts):
    return Items(
        [f"id{i}" for i in range(len(texts))], [f"fp{i}" for i in range(len(texts))], pa.array(texts)
    )


def evidence(benchmarks, *texts):
    """The evidence of some rows of one turn each, as batches."""
    named = {name: items(*given) for name, given in benchmarks.items()}
    index = BenchmarkIndex.build({name: found.texts for name, found in named.items()})
    rows = np.arange(len(texts))
    records = pa.record_batch({"id": [f"r{i}" for i in rows], "fingerprint": [f"f{i}" for i in rows]})
    unit = Texts(rows, np.zeros(len(texts), np.int64), pa.array(texts))
    return list(Evidence(named).batches(index.scan(unit.text), unit, records))


def found(benchmarks, *texts):
    return [row for batch in evidence(benchmarks, *texts) for row in batch.to_pylist()]


def test_positions_become_the_ids_of_rows_and_items():
    (match,) = found({"quiz": [OWL, FOX]}, "nothing", f"So {FOX.upper()}!")
    assert (match["record_id"], match["row_fingerprint"], match["turn"]) == ("r1", "f1", 0)
    assert (match["benchmark"], match["item_id"], match["item_fingerprint"]) == ("quiz", "id1", "fp1")
    assert match["suppressed"] is None and match["seq"] is None


def test_rows_that_share_the_same_run_have_the_same_cause():
    one, other, third = found({"quiz": [FOX, OWL]}, FOX, f"again: {FOX.title()}", OWL)
    assert one["cause"] == other["cause"] != third["cause"]
    assert one["phrase"] == FOX


def test_a_scan_without_matches_gives_no_batches():
    assert evidence({"quiz": [FOX]}, "nothing at all") == []


def test_evidence_is_sorted_by_benchmark_then_by_the_largest_cause_then_by_doubt_and_numbered():
    half = " ".join(FOX.split()[:8])
    with_two_causes = {"b": [FOX, OWL], "a": [OWL]}
    batches = evidence(with_two_causes, OWL, FOX, f"{half} or not", FOX)
    sorted_ = SortedEvidence(batches)
    rows = [row for batch in sorted_.batches(1000) for row in batch.to_pylist()]
    sorted_.close()
    assert [row["seq"] for row in rows] == [1, 2, 3, 4, 5]
    assert [(row["benchmark"], row["record_id"]) for row in rows[:1]] == [("a", "r0")]
    assert {row["record_id"] for row in rows[1:3]} == {"r1", "r3"} and rows[1]["cause"] == rows[2]["cause"]
    assert all(rows[i]["benchmark"] == "b" for i in range(1, 5))


def test_counts_are_of_distinct_items_and_rows():
    sorted_ = SortedEvidence(evidence({"quiz": [FOX, OWL]}, f"{FOX} {OWL}", FOX, "nothing"))
    methods = {"ngram": {"matches": 3, "items_hit": 2, "rows_hit": 2, "alone": 3}}
    assert sorted_.counts() == {"quiz": Counts(matches=3, items_hit=2, rows_hit=2, methods=methods)}
    assert sorted_.rows_hit() == 2
    sorted_.close()


def test_no_evidence_sorts_to_nothing():
    sorted_ = SortedEvidence([pa.RecordBatch.from_pylist([], MATCHES)])
    assert [batch.num_rows for batch in sorted_.batches(10) if batch.num_rows] == []
    assert (sorted_.counts(), sorted_.rows_hit()) == ({}, 0)
    sorted_.close()


def line(items_hit, items=100, rows_hit=0):
    numbers = {
        "items": items,
        "rows": 50,
        "rows_hit": rows_hit,
        "matches": 0,
        "weakly_checked": 0,
        "unchecked": 0,
    }
    return BenchmarkCounts("quiz", "quiz@1", "dev", "hash", items_hit=items_hit, **numbers)


def test_the_line_is_strictly_above_two_percent_of_the_items():
    assert [line(hit).over_line for hit in (0, 2, 3)] == [False, False, True]


def test_both_denominators_are_given():
    facts = line(10, items=40, rows_hit=5).facts()
    assert (facts["share_of_items"], facts["share_of_rows"]) == (0.25, 0.1)


def test_an_empty_benchmark_divides_by_nothing():
    assert line(0, items=0).share_of_items == 0.0


def plain(row, item, cause, *, benchmark="quiz", method="ngram", score=0.8, **more):
    return {
        "record_id": row,
        "turn": 0,
        "benchmark": benchmark,
        "item_id": item,
        "method": method,
        "score": score,
        "cause": cause,
        "phrase": cause,
        "found_by": [method],
        "doubt": 1 - score,
    } | more


def grouped(matches, rows=1000):
    """The causes and the sorted matches of some evidence."""
    sorted_ = SortedEvidence([pa.RecordBatch.from_pylist(matches, MATCHES)])
    causes = [row for batch in sorted_.causes(rows) for row in batch.to_pylist()]
    found = [row for batch in sorted_.batches(rows) for row in batch.to_pylist()]
    sorted_.close()
    return causes, found


def test_causes_are_numbered_in_the_order_of_their_matches():
    causes, found = grouped(
        [
            plain("a", "1", "small", score=0.6),
            plain("b", "1", "big", score=0.9),
            plain("b", "2", "big", method="exact", score=1.0),
            plain("c", "2", "big", score=0.7),
            plain("a", "9", "big", benchmark="exam"),
        ]
    )
    assert [
        (c["group"], c["benchmark"], c["cause"], c["first_seq"], c["last_seq"], c["matches"]) for c in causes
    ] == [(1, "exam", "big", 1, 1, 1), (2, "quiz", "big", 2, 4, 3), (3, "quiz", "small", 5, 5, 1)]
    big = causes[1]
    assert (big["rows"], big["items"], big["methods"]) == (2, 2, ["exact", "ngram"])
    assert (big["lowest"], big["highest"], big["phrase"]) == (0.7, 1.0, "big")
    assert [row["cause"] for row in found] == ["big", "big", "big", "big", "small"]


def test_every_match_lies_between_the_first_and_the_last_of_its_cause():
    chance = random.Random(3)
    matches = [
        plain(f"r{n % 50}", f"i{n}", f"c{chance.randrange(30)}", benchmark=f"b{chance.randrange(3)}")
        for n in range(2000)
    ]
    causes, found = grouped(matches, rows=7)
    assert [causes[0]["first_seq"], causes[-1]["last_seq"]] == [1, 2000]
    assert all(one["last_seq"] + 1 == next_["first_seq"] for one, next_ in pairwise(causes))
    for cause in causes:
        own = found[cause["first_seq"] - 1 : cause["last_seq"]]
        assert {(m["benchmark"], m["cause"]) for m in own} == {(cause["benchmark"], cause["cause"])}
    chance.shuffle(matches)
    assert grouped(matches) == (causes, found)


def test_no_evidence_has_no_causes():
    assert grouped([]) == ([], [])


def test_counts_are_given_by_method_too():
    sorted_ = SortedEvidence(
        [
            pa.RecordBatch.from_pylist(
                [
                    plain("a", "1", "c"),
                    plain("a", "2", "c", found_by=["ngram", "near"]),
                    plain("b", "1", "d", method="exact"),
                ],
                MATCHES,
            )
        ]
    )
    counts = sorted_.counts()["quiz"]
    sorted_.close()
    assert (counts.matches, counts.items_hit, counts.rows_hit) == (3, 2, 2)
    assert counts.methods == {
        "exact": {"matches": 1, "items_hit": 1, "rows_hit": 1, "alone": 1},
        "near": {"matches": 1, "items_hit": 1, "rows_hit": 1, "alone": 0},
        "ngram": {"matches": 2, "items_hit": 2, "rows_hit": 1, "alone": 1},
    }


def test_what_is_suppressed_is_counted_by_its_reason_and_hits_nothing():
    sorted_ = SortedEvidence(
        [
            pa.RecordBatch.from_pylist(
                [
                    plain("a", "1", "c"),
                    plain("b", "2", "c", suppressed="stock phrase"),
                    plain("c", "2", "c", suppressed="stock phrase"),
                ],
                MATCHES,
            )
        ]
    )
    counts, rows_hit = sorted_.counts()["quiz"], sorted_.rows_hit()
    sorted_.close()
    assert (counts.matches, counts.items_hit, counts.rows_hit, rows_hit) == (3, 1, 1, 1)
    assert counts.suppressed == {"stock phrase": 2}


def test_what_only_meaning_found_is_told_apart_and_hits_nothing():
    matches = [row for b in evidence({"quiz": [FOX, OWL]}, FOX, OWL) for row in b.to_pylist()]
    close = [
        one | {"record_id": f"{one['record_id']}{k}", "found_by": ["semantic"]}
        for one in matches
        for k in ("", "b")
    ]
    both = matches[0] | {"record_id": "r9", "found_by": ["near", "semantic"]}
    sorted_ = SortedEvidence([pa.RecordBatch.from_pylist([matches[0], both, *close], MATCHES)])
    counts = sorted_.counts()["quiz"]
    assert (counts.matches, counts.items_hit, counts.rows_hit, counts.close_in_meaning) == (6, 1, 2, 4)
    assert counts.methods["semantic"] == {"matches": 5, "items_hit": 2, "rows_hit": 5, "alone": 4}
    assert (sorted_.rows_hit(), sorted_.rows_close()) == (2, 3)
    assert sorted_.count_partial({"quiz": 100}) == []
    sorted_.close()


def test_parts_of_short_items_count_only_where_the_source_is_over_the_line_anyway():
    sorted_ = SortedEvidence(
        [
            pa.RecordBatch.from_pylist(
                [
                    plain("a", "1", "c"),
                    plain("b", "2", "c", suppressed=PARTIAL),
                    plain("a", "1", "c", benchmark="exam"),
                    plain("b", "2", "c", suppressed=PARTIAL, benchmark="exam"),
                ],
                MATCHES,
            )
        ]
    )
    over = sorted_.count_partial({"quiz": 10, "exam": 50})
    counts = sorted_.counts()
    sorted_.close()
    assert over == ["quiz"]
    assert (counts["quiz"].rows_hit, counts["exam"].rows_hit) == (2, 1)


def test_every_column_of_causes_is_in_the_contract():
    page = (Path(__file__).parents[3] / "docs/data-format.md").read_text()
    assert all(f"`{field.name}`" in page for field in CAUSES)
