"""Words in any turn, within a budget of time."""

from itertools import count

import numpy as np
import pytest

from curation.engine.errors import BadConfig
from curation.engine.exploring import search
from curation.engine.records import Completion, Message
from curation.engine.store import Store
from tests.curation.engine.exploring import row, written

ROWS = [
    row(0, "How tall is the Tower?", "Very."),
    row(1, "Nothing here", "The tower and its HEIGHT"),
    row(2),
    row(3, Message("assistant", None, tool_calls='["tower"]')),
    row(4, "compare", completions=(Completion("a", (Message("assistant", "TOWER ÉTÉ"),)),)),
    row(5, "tower", "height in another turn"),
    row(6, "x" * (1 << 20) + " tower height"),
    row(7, "(tower."),
]


@pytest.fixture(params=["local", "remote"])
def store(request, tmp_path):
    return Store(str(tmp_path) if request.param == "local" else f"memory://{tmp_path.name}")


@pytest.fixture
def look(store):
    shards = written(store, ROWS, 2)
    return lambda words, **more: search(store, shards, words, **{"clock": lambda: 0.0} | more)


def test_words_are_found_in_any_turn_and_any_case(look):
    assert look("tower").rows == (0, 1, 4, 5, 6, 7)
    assert look("été").rows == (4,)


def test_all_words_must_be_in_one_turn(look):
    assert look("height tower").rows == (1, 6)


def test_signs_are_no_patterns(look):
    assert look("(tower.").rows == (7,)
    assert look(".*").rows == ()


def test_a_search_goes_on_where_it_stopped(look):
    first = look("tower", limit=2)
    assert (first.rows, first.searched_to, first.exhausted) == ((0, 1), 1, False)
    rest = look("tower", after=first.searched_to)
    assert (rest.rows, rest.searched_to, rest.exhausted) == ((4, 5, 6, 7), 7, True)


def test_a_search_stops_when_its_time_is_over_and_always_gets_on(look):
    ticks = count()
    found = look("height", seconds=2, clock=lambda: next(ticks))
    assert (found.rows, found.searched_to, found.exhausted) == ((1,), 3, False)
    assert look("height", seconds=0).searched_to == 1


def test_only_the_rows_that_filters_let_through_count(look):
    assert look("tower", among=np.array([1, 2, 7])).rows == (1, 7)
    assert look("tower", among=np.array([], np.int64)) == look("tower", after=99)


def test_shards_before_the_start_are_not_opened(look, store, monkeypatch):
    opened = []
    real = Store.open
    monkeypatch.setattr(Store, "open", lambda self, path: opened.append(path) or real(self, path))
    look("tower", after=5)
    assert opened == ["1/records/3.parquet"]


def test_a_search_without_words_is_refused(look):
    with pytest.raises(BadConfig, match="Search for one to 12 words, not 0"):
        look("  ")
