import pyarrow as pa
import pytest

from decontam.engine import BenchmarkIndex, NgramConfig
from decontam.engine.detecting import FOUND, Detector

OWL = "A wise old owl sat quietly in the tallest oak of the wood while the moon rose"
SHOP = "Tom buys 12 red pens for 3 dollars each and sells 5 of them to his younger sister. What does he earn?"
SHORT = "What is a thermometer for?"


def found(items, *texts, **how):
    return Detector.build({"quiz": items}, **how).scan(list(texts)).to_pylist()


def ways(items, *texts, **how):
    return [(match["row"], match["item"], match["found_by"]) for match in found(items, *texts, **how)]


def test_the_plain_profile_finds_what_the_plain_rule_finds():
    texts = [OWL, f"so: {SHOP}", SHORT, "what is a thermometer for? i ask", SHOP.replace("12", "13"), ""]
    plain = BenchmarkIndex.build({"quiz": [OWL, SHOP, SHORT]}).scan(texts)
    told = Detector.build({"quiz": [OWL, SHOP, SHORT]}, profile="plain").scan(texts)
    assert told.drop_columns(["found_by"]).equals(plain)


def test_every_method_that_sees_a_pair_is_named_the_most_literal_first():
    assert ways([OWL], f"Listen: {OWL.upper()}!") == [(0, 0, ["ngram", "normalised"])]


def test_a_short_item_inside_longer_text_is_found_and_one_of_three_words_only_alone():
    assert ways([SHORT], "I asked: what is a THERMOMETER for, please?") == [(0, 0, ["exact", "normalised"])]
    assert ways(["Name a thermometer"], "Now name a thermometer", "name a THERMOMETER.") == [
        (1, 0, ["exact", "normalised"])
    ]


def test_the_words_of_a_short_item_in_another_order_are_not_the_item():
    assert ways(["is it true or is it true"], "or is it true is it false") == []


def test_other_numbers_are_the_same_item():
    (match,) = found([SHOP], SHOP.replace("12", "7,412").replace("5", "0.25").replace("3", "8"))
    assert match["method"] == "normalised" and match["score"] == 1.0


def test_spans_of_normalised_matches_cut_the_words_out_of_both_texts_as_they_were_written():
    item = "Print total_cost of 3 items and 4 boxes, then getName of each of them twice"
    row = "中 print totalCost of 99 items and 1.5 boxes, then get_name of each of them twice!"
    (match,) = found([item], row, config=NgramConfig(n=20))
    cut = [
        [t[span["start"] : span["end"]] for span in match[s]]
        for t, s in ((item, "item_spans"), (row, "train_spans"))
    ]
    assert cut == [[item], [row[2:-1]]]


def test_lists_of_numbers_are_not_each_other():
    assert ways(["[1, 2, 3, 4, 5, 6, 7, 8, 9]"], "sort [4, 7, 1, 2, 9, 0, 3, 3, 1]") == []


def test_text_without_spaces_is_compared_by_its_characters():
    item = "小明有三个苹果他又买了五个请问他一共有多少个苹果"
    assert ways([item], f"请回答{item}谢谢") == [(0, 0, ["normalised"])]


def test_a_word_replaced_here_and_there_does_not_hide_an_item():
    replaced = OWL.replace("quietly", "silently")
    assert ways([OWL], replaced) == [(0, 0, ["ngram", "normalised"])]
    replaced = replaced.replace("oak", "tree").replace("sat", "was")
    assert ways([OWL], replaced) == []
    assert ways([OWL], OWL.replace("tallest", "oldest").replace("wise", "grey")) == [(0, 0, ["normalised"])]


class Everything:
    """A method that takes every text for every item."""

    name = "near"

    def scan(self, texts):
        rows = [
            {"row": row, "benchmark": "quiz", "item": 0, "method": "near", "score": 0.5}
            for row in range(len(texts))
        ]
        spans = {"train_spans": [{"start": 0, "end": 1}], "item_spans": [{"start": 0, "end": 1}]}
        return pa.Table.from_pylist(
            [row | spans for row in rows], FOUND.remove(FOUND.get_field_index("found_by"))
        )


def test_other_methods_join_in_with_what_only_they_find():
    detector = Detector.build({"quiz": [OWL]}, others=[Everything()])
    assert detector.methods == ("exact", "ngram", "normalised", "near")
    matches = detector.scan(["nothing", OWL]).to_pylist()
    assert [(match["row"], match["method"], match["found_by"]) for match in matches] == [
        (0, "near", ["near"]),
        (1, "ngram", ["ngram", "normalised", "near"]),
    ]


def test_nothing_found_is_a_table_all_the_same():
    table = Detector.build({"quiz": [OWL]}).scan([])
    assert table.schema == FOUND and table.num_rows == 0


@pytest.mark.parametrize("text", ["", "\x00\x01\ufffd" * 50, "word " * 20_000])
def test_odd_texts_match_nothing(text):
    assert ways([OWL, "...", ""], text) == []
