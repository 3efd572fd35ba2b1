import numpy as np
import pytest

from decontam.engine.agreement import Agreement, agreement, kappa


def test_kappa_is_that_of_the_textbook():
    """50 grants read by two readers: they agree on 70 %, and would by chance on half of them."""
    assert kappa(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)
    assert kappa(np.array([[45, 15], [25, 15]])) == pytest.approx(0.1304, abs=1e-4)
    assert kappa(np.array([[25, 35], [5, 35]])) == pytest.approx(0.2593, abs=1e-4)


def test_kappa_is_one_nought_or_below_and_undefined_where_nothing_varies():
    assert kappa(np.array([[3, 0], [0, 4]])) == 1
    assert kappa(np.array([[1, 1], [1, 1]])) == 0
    assert kappa(np.array([[0, 2], [2, 0]])) == -1
    assert kappa(np.array([[5, 0], [0, 0]])) is None


def test_only_pairs_that_several_ruled_count():
    said = {1: [1, 1, 2, 0, 1], 2: [1, 2, 2, 1, 0], 3: [0, 1, 0, 0, 0]}
    found = agreement({person: np.array(codes, np.int8) for person, codes in said.items()})
    assert (found.pairs, found.agreed, found.disputed) == (3, 2, 1)
    assert [(one.first, one.second, one.pairs, one.agreed) for one in found.between] == [
        (1, 2, 3, 2),
        (1, 3, 1, 1),
        (2, 3, 1, 0),
    ]
    assert found.between[0].kappa == pytest.approx(0.4)


@pytest.mark.parametrize("said", [{}, {1: [1, 2]}, {1: [1, 0], 2: [0, 1]}])
def test_where_nobody_ruled_twice_there_is_nothing_to_agree_on(said):
    found = agreement({person: np.array(codes, np.int8) for person, codes in said.items()})
    assert found == Agreement(0, 0, [])
