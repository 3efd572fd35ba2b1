"""Names that come out of rows: licences of single rows, and models."""

from curation.engine.exporting import MOST_NAMES, fewer, fewer_licences
from curation.engine.licences import Claim, inherit


def test_a_card_tells_the_most_frequent_models_apart_and_counts_the_others_together():
    counts = {f"m{n:04}": n for n in range(1, 3001)}
    told = fewer(counts, "further models")
    assert len(told) == MOST_NAMES + 1 and sum(told.values()) == sum(counts.values())
    assert told["m3000"] == 3000 and "m0001" not in told
    assert fewer({"a": 1, "b": 2}, "further models") == {"a": 1, "b": 2}


def test_a_rare_licence_that_forbids_something_is_never_lost_among_strange_ones():
    strange = {f"terms {n}": 2 for n in range(3000)}
    told = fewer_licences(strange | {"CC BY-NC 4.0": 1})
    assert told["CC BY-NC 4.0"] == 1 and told["further-licences"] == 2 * (3000 - MOST_NAMES)
    verdict = inherit(Claim("web", name, count) for name, count in told.items())
    assert verdict.id == "other" and "No commercial use (cc-by-nc-4.0)." in verdict.asks
    assert len(verdict.found) <= MOST_NAMES + 2
