"""Amounts of a mixer list, written and read back."""

import pytest

from curation.engine.mixing import Component, Share
from curation.engine.mixing.mixer_list import amount_of, read_mixer_list


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (1.0, "1.0"),
        (2.5, "2.5"),
        (0.0, "0.0"),
        (1e-7, "0.0000001"),
        (1 / 3, "0.3333333333333333"),
        (10.0, "10.0"),
    ],
)
def test_a_fraction_is_written_whole_and_never_like_a_number_of_rows(fraction, text):
    component = Component("books", fraction=fraction, max_repeats=10)
    assert amount_of(component, Share("books", 100, 7)) == text
    (entry,) = read_mixer_list(f"books {text}")
    assert (entry.rows, entry.fraction) == (None, fraction)
