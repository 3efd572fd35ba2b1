"""What is said above a pair, by the method that found it, the part of the item and how much of it is there."""

import pytest

from decontam.engine.pairing import Pair, Side
from decontam.views.pairs import shown_pair


def side(text):
    return Side("chats", 1, "r1", text, (), "user", None, (), "", "chats", "", "", ())


def shown(row="So, name a planet?", item="name a planet", **match):
    plain = {
        "method": "ngram",
        "score": 1.0,
        "part": "prompt",
        "found_by": ["ngram"],
        "share": 1.0,
        "bits": 52.3,
    }
    return shown_pair(Pair(plain | match, side(row), side(item)))


@pytest.mark.parametrize(
    "match, title",
    [
        ({}, "Every word of the item is quoted"),
        ({"score": 0.996}, "99\u00a0% of the item’s words are quoted"),
        ({"method": "exact"}, "The item is quoted word for word"),
        ({"method": "exact", "row": "Name a planet!"}, "The turn is the item, word for word"),
        (
            {"method": "normalised", "score": 0.8},
            "80\u00a0% of the item’s words are quoted, other numbers and forms aside",
        ),
        (
            {"method": "normalised", "part": "answer"},
            "Every word of the item’s answer is quoted, other numbers and forms aside",
        ),
        ({"method": "near", "part": "passage"}, "The item’s passage is here, edited or in another order"),
        ({"method": "semantic"}, "Close in meaning to the item; no words need be shared"),
    ],
)
def test_the_title_says_what_was_seen(match, title):
    assert shown(**match).title == title


@pytest.mark.parametrize(
    "match, said",
    [
        ({}, "The row holds all of what tells the item from other texts, 52 bits"),
        ({"share": 0.714}, "The row holds 71\u00a0% of what tells the item from other texts, 52 bits"),
        ({"share": None, "bits": None}, ""),
        (
            {"found_by": ["semantic"], "score": 0.9987},
            "About 0.13\u00a0% of clean rows come as close to an item",
        ),
    ],
)
def test_a_share_and_bits_are_told_in_words(match, said):
    assert shown(**match).measured == said
