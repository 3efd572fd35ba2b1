"""Questions about the rows of a version: filters, pages, counts, histograms."""

import operator
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.engine.errors import BadConfig
from curation.engine.exploring import (
    ATTRIBUTES,
    Bin,
    Column,
    Count,
    Filter,
    Query,
    Type,
    at,
    count,
    describe,
    histogram,
    page,
    picked,
    positions,
    sheet,
    summaries,
    types_of,
)
from curation.engine.exploring.statistics import COUNTED
from curation.engine.store import Store
from tests.curation.engine.exploring import profiled, row, written

TYPES = types_of(ATTRIBUTES) | {"meta.score": Type.NUMBER}
ROWS = [
    row(
        i,
        "x" * (i * 3 % 11),
        source="ab"[i % 2],
        licence=(None, "mit", "cc0-1.0")[i % 3],
        ground_truth="7" if i < 6 else None,
        meta={"score": str(i / 4)} if i % 5 else {},
    )
    for i in range(14)
]


@pytest.fixture(params=["local", "remote"])
def store(request, tmp_path):
    return Store(str(tmp_path) if request.param == "local" else f"memory://{tmp_path.name}")


@pytest.fixture
def opened(store):
    with sheet(store, profiled(store, written(store, ROWS))) as one:
        yield one


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    store = Store(str(tmp_path_factory.mktemp("store")))
    with sheet(store, profiled(store, written(store, ROWS))) as one:
        yield one


def plain(sheet):
    return list(at(sheet, range(sheet.rows)))


def parsed(*pairs):
    return Query.parse(pairs, TYPES)


# pages


def test_a_page_has_its_rows_and_knows_its_neighbours(opened):
    first = page(opened, Query(limit=5))
    assert ([one["row"] for one in first.rows], first.previous, first.next) == ([0, 1, 2, 3, 4], None, 4)
    second = page(opened, Query(limit=5, after=first.next))
    assert ([one["row"] for one in second.rows], second.previous, second.next) == ([5, 6, 7, 8, 9], 5, 9)
    assert page(opened, Query(limit=5, before=second.previous)).rows == first.rows
    last = page(opened, Query(limit=5, after=9))
    assert (len(last.rows), last.more) == (4, False)
    assert page(opened, Query(after=99)).rows == ()


def test_filters_narrow_and_values_widen(opened):
    wanted = parsed(("source", "a"), ("licence", ""), ("licence", "mit"))
    expected = [one["row"] for one in plain(opened) if one["source"] == "a" and one["licence"] != "cc0-1.0"]
    assert [one["row"] for one in page(opened, wanted).rows] == expected
    assert count(opened, wanted) == len(expected)
    assert positions(opened, wanted).tolist() == expected


FILTERS = st.lists(
    st.sampled_from(
        [
            Filter("chars", 2, 8),
            Filter("chars", low=4),
            Filter("source", values=("b",)),
            Filter("licence", null=True),
            Filter("ground_truth", values=(True,)),
            Filter("meta.score", high=2.5, null=True),
        ]
    ),
    max_size=2,
    unique_by=lambda one: one.column,
).map(tuple)
SORTS = st.sampled_from(
    ["", "-row", "chars", "-chars", "licence", "-licence", "meta.score", "-meta.score", "ground_truth"]
)


def lets_through(query, one):
    return all(
        (f.null and one[f.column] is None)
        or one[f.column] in f.values
        or (
            f.ranged
            and one[f.column] is not None
            and (f.low is None or one[f.column] >= f.low)
            and (f.high is None or one[f.column] < f.high)
        )
        for f in query.filters
    )


def in_order(query, rows):
    column, down = query.by
    known = [one for one in rows if one[column] is not None]
    known = sorted(known, key=operator.itemgetter(column), reverse=down)  # stable: ties stay by row
    return known + [one for one in rows if one[column] is None]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filters=FILTERS, sort=SORTS, limit=st.integers(1, 6))
def test_pages_one_after_the_other_are_the_whole_forwards_and_backwards(kept, filters, sort, limit):
    query = Query(filters, limit=limit, sort=sort)
    expected = [one["row"] for one in in_order(query, [r for r in plain(kept) if lets_through(query, r)])]
    pages, cursor = [page(kept, query)], None
    while (cursor := pages[-1].next) is not None:
        pages.append(page(kept, query.at(after=cursor)))
    assert [one["row"] for some in pages for one in some.rows] == expected
    for earlier, later in pairwise(pages):
        assert page(kept, query.at(before=later.previous)).rows == earlier.rows
    assert count(kept, query) == len(expected)


def test_a_sorted_page_behind_a_row_that_is_not_there_is_refused(opened):
    with pytest.raises(BadConfig, match="There is no row 99; rows are numbered from 0 to 13"):
        page(opened, Query(sort="chars", after=99))


def test_rows_are_the_same_when_they_are_looked_at_anew(store):
    shards = written(store, ROWS)
    with sheet(store, profiled(store, shards)) as one:
        known = [{name: row[name] for name in ATTRIBUTES.names} for row in at(one, [12, 3, 4])]
    assert list(picked(store, shards, [12, 3, 4])) == known


# columns


def columns(sheet):
    return {one.name: one for one in describe(sheet)}


def test_columns_are_described(opened):
    found = columns(opened)
    assert found["licence"].nulls == 5
    assert found["licence"].values == (Count("mit", 5), Count("cc0-1.0", 4))
    assert (found["licence"].low, found["licence"].high, found["licence"].distinct) == ("cc0-1.0", "mit", 2)
    chars = found["chars"]
    assert (chars.low, chars.high, chars.median, chars.distinct) == (0, 10, 4.5, 11)
    assert sum(one.rows for one in chars.bins) == 14
    assert (chars.bins[0].low, chars.bins[0].high, chars.bins[-1].high) == (0, 1, 11)
    assert found["ground_truth"].values == (Count(False, 8), Count(True, 6))
    assert (found["meta.score"].type, found["meta.score"].nulls) == (Type.NUMBER, 3)
    assert not {"row", "id", "preview"} & set(found)


def test_columns_survive_json(opened):
    assert [Column.from_json(one.as_json()) for one in describe(opened)] == describe(opened)


def test_a_click_on_a_bin_finds_its_rows(opened):
    for column in describe(opened):
        for chosen in (*column.bins, *column.values):
            assert count(opened, Query().narrowed(column.filter(chosen))) == chosen.rows, (
                column.name,
                chosen,
            )
        if column.nulls:
            assert count(opened, Query().narrowed(column.filter(None))) == column.nulls


def test_a_histogram_keeps_its_bins_under_filters(opened):
    query = parsed(("source", "b"))
    column = columns(opened)["chars"]
    found = histogram(opened, column, query)
    assert [(one.low, one.high) for one in found.bins] == [(one.low, one.high) for one in column.bins]
    assert [one.rows for one in found.bins] == [
        sum(r["source"] == "b" and one.low <= r["chars"] < one.high for r in plain(opened))
        for one in found.bins
    ]
    licences = histogram(opened, columns(opened)["licence"], query)
    assert (licences.rows, licences.nulls, licences.values) == (7, 2, (Count("mit", 3), Count("cc0-1.0", 2)))


def test_summaries_are_of_the_rows_that_a_query_finds(opened):
    found = {one.column: one for one in summaries(opened, parsed(("row", "0..4")))}
    chars = [3 * i % 11 for i in range(4)]
    assert (found["chars"].low, found["chars"].high, found["chars"].mean) == (0, 9, sum(chars) / 4)
    assert (found["meta.score"].nulls, found["ground_truth"].mean) == (1, 1.0)


def of_chars(store, lengths):
    with sheet(
        store, profiled(store, written(store, [row(i, "x" * n) for i, n in enumerate(lengths)], 10**6))
    ) as one:
        return columns(one)["chars"]


def test_few_rows_far_out_go_into_an_open_bin(tmp_path):
    column = of_chars(Store(str(tmp_path)), [*range(100, 300), 100_000])
    assert column.bins[-1] == Bin(column.bins[-1].low, None, 1)
    assert all(one.low % 10 == 0 for one in column.bins) and len(column.bins) <= 20
    assert sum(one.rows for one in column.bins) == 201


@pytest.mark.parametrize(
    ("lengths", "bins"),
    [
        ([5, 5], (Bin(5, 6, 2),)),
        ([0, 0, 0], (Bin(0, 1, 3),)),
        ([*[0] * 200, 900], (Bin(0, 1, 200), Bin(1, None, 1))),
        ([0, 39, 40], tuple(Bin(i, i + 5, {0: 1, 35: 1, 40: 1}.get(i, 0)) for i in range(0, 45, 5))),
    ],
)
def test_bins_have_readable_edges(tmp_path, lengths, bins):
    assert of_chars(Store(str(tmp_path)), lengths).bins == bins


def test_a_column_of_too_many_values_is_estimated(opened, monkeypatch):
    exact = columns(opened)
    monkeypatch.setattr("curation.engine.exploring.statistics.COUNTED", 2)
    found = columns(opened)
    assert COUNTED > 2 and found["chars"].approximate and not exact["chars"].approximate
    assert (found["chars"].low, found["chars"].high, found["chars"].mean) == (0, 10, exact["chars"].mean)
    assert found["chars"].bins == exact["chars"].bins
    assert abs(found["chars"].median - 5) <= 1
    assert found["licence"] == exact["licence"]
    monkeypatch.setattr("curation.engine.exploring.statistics.COUNTED", 1)
    licence = columns(opened)["licence"]
    assert (licence.low, licence.high, licence.values) == ("cc0-1.0", "mit", ())
    spread = histogram(opened, licence, Query())
    assert (spread.rows, spread.nulls, spread.values) == (14, 5, ())


def test_an_empty_version_has_columns_and_no_rows(store):
    with sheet(store, profiled(store, written(store, []))) as one:
        assert {column.rows for column in describe(one)} == {0}
        assert page(one, Query()).rows == () and count(one, Query()) == 0
        query = parsed(("chars", "1..2"))
        assert page(one, query).rows == () and count(one, query) == 0 and len(positions(one, query)) == 0
        assert histogram(one, describe(one)[1], query).rows == 0
        assert summaries(one, query)[0].low is None


def test_a_shard_without_rows_is_passed_over(store):
    shards = written(store, ROWS[:4]) + written(Store(store.fs.unstrip_protocol(store.root) + "/b"), [])
    with sheet(store, profiled(store, shards)) as one:
        assert one.rows == 4


# query strings


@pytest.mark.parametrize(
    ("pairs", "wanted"),
    [
        ([("tokens", "48..112")], Filter("tokens", 48, 112)),
        ([("tokens", "..112")], Filter("tokens", high=112)),
        ([("meta.score", "-1.5..")], Filter("meta.score", low=-1.5)),
        ([("tokens", "7"), ("tokens", "")], Filter("tokens", values=(7,), null=True)),
        ([("source", "a..b")], Filter("source", values=("a..b",))),
        ([("has_tools", "true")], Filter("has_tools", values=(True,))),
        ([("licence", "")], Filter("licence", null=True)),
    ],
)
def test_a_query_string_and_back(pairs, wanted):
    query = parsed(*pairs)
    assert query.filters == (wanted,) and query.pairs() == pairs


def test_a_query_says_its_page_too():
    query = parsed(("after", "20"), ("sort", "-tokens"), ("limit", "50"), ("source", "a"))
    assert (query.after, query.limit, query.by) == (20, 50, ("tokens", True))
    assert Query.parse(query.pairs(), TYPES) == query
    assert query.without("source").filters == () and query.without("source").after is None
    assert Query.parse([("q", "words")], TYPES, own=["q"]) == Query()


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([("colour", "1")], "There is no column 'colour'; there are: row, id"),
        ([("sort", "-colour")], "There is no column 'colour'"),
        ([('tokens" OR 1=1 --', "1")], "There is no column"),
        ([("tokens", "many")], "tokens is a whole number, not 'many'"),
        ([("tokens", "1.5..2")], "tokens is a whole number, not '1.5'"),
        ([("tokens", "9" * 30)], "is too large"),
        ([("tokens", "9" * 5000)], "tokens is a whole number"),
        ([("meta.score", "nan")], "meta.score is a number, not 'nan'"),
        ([("tokens", "5..5")], "a range goes up, and 5 to 5 does not"),
        ([("tokens", "..")], "tokens: say a range or a value"),
        ([("tokens", "1..2"), ("tokens", "4..5")], "give one range, not 2"),
        ([("has_tools", "maybe")], "has_tools is true or false, not 'maybe'"),
        ([("limit", "0")], "A page has 1 to 200 rows, not 0"),
        ([("after", "1"), ("before", "9")], "not both"),
        ([("after", "x")], "after is a whole number, not 'x'"),
    ],
)
def test_what_a_query_cannot_say_is_told(pairs, said):
    with pytest.raises(BadConfig) as caught:
        parsed(*pairs)
    assert said in str(caught.value)


def test_text_is_bound_and_never_part_of_a_query(opened):
    assert page(opened, parsed(("source", "a' OR '1'='1"))).rows == ()


# the benchmark


def test_the_benchmark_runs_on_few_rows():
    command = [sys.executable, "bench/explore.py", "--rows", "3000"]
    told = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True)
    assert told.stdout.startswith("3,000 rows") and "filter: histogram" in told.stdout, told.stderr
