import pyarrow as pa
import pytest

from curation.engine.errors import BadConfig
from decontam.engine.apply import CONTAMINATED, FALSE_ALARM
from decontam.engine.evidence import MATCHES
from decontam.engine.rules import FROZEN, RuleConfig, Standing, columns_for, convictions, under
from tests.decontam.conftest import match

STOCK = Standing(12, RuleConfig("phrase", "the following, question!", reason="a stock phrase"))
NARROW = Standing(13, RuleConfig("cause", "c", benchmark="exam"))
GUILTY = Standing(14, RuleConfig("item", "f9", CONTAMINATED))


def batch(*matches):
    return pa.RecordBatch.from_pylist(list(matches), MATCHES)


def suppressed(rules, *matches):
    (found,) = under([batch(*matches)], rules)
    return found.column("suppressed").to_pylist()


def worded(row, phrase, **more):
    return match(row, "1", **more) | {"phrase": phrase}


def test_a_phrase_is_compared_as_words():
    assert STOCK.config.value == "the following question"
    texts = ["answer the following question now", "the following, question", "the following"]
    found = suppressed([STOCK], *(worded("a", text) for text in texts))
    assert found == ["rule 12: a stock phrase", None, None]


@pytest.mark.parametrize(
    ("phrase", "shared", "found"),
    [
        ("the", "the end", True),
        ("the", "or the", True),
        ("the", "all other men", False),
        ("step", "steps by step2", False),
        ("été", "en été", True),
        ("été", "étés", False),
        ("答案", "请回答案件", True),
    ],
)
def test_a_phrase_is_found_as_whole_words_where_words_are_spaced(phrase, shared, found):
    rule = Standing(3, RuleConfig("phrase", phrase))
    assert suppressed([rule], worded("a", shared)) == ["rule 3" if found else None]


def test_what_is_suppressed_already_keeps_its_reason_where_no_rule_speaks():
    found = suppressed([NARROW], match("a", "1", suppressed="boilerplate"), match("b", "1", benchmark="exam"))
    assert found == ["boilerplate", "rule 13"]


def test_a_rule_that_condemns_lifts_a_suppression():
    assert suppressed([GUILTY], match("a", "9", suppressed="boilerplate"), match("a", "8")) == [None, None]


def test_the_newest_of_several_rules_speaks():
    both = match("a", "9", benchmark="exam")
    assert suppressed([NARROW, GUILTY], both) == [None]
    assert suppressed([GUILTY, Standing(15, NARROW.config)], both) == ["rule 15"]


def test_pairs_that_a_rule_condemns_are_as_if_ruled():
    found = batch(match("a", "9"), match("b", "9"), match("c", "1"))
    assert convictions(lambda: [found], [STOCK, GUILTY]) == {
        ("fa", "f9"): CONTAMINATED,
        ("fb", "f9"): CONTAMINATED,
    }
    assert convictions(lambda: pytest.fail("nothing is to be read"), [STOCK]) == {}


def test_only_the_columns_that_rules_look_at_are_read():
    assert columns_for([]) == []
    assert columns_for([STOCK, GUILTY]) == ["benchmark", "item_fingerprint", "phrase"]


def test_a_rule_is_frozen_and_thawed_as_it_was():
    for rule in (STOCK, NARROW, GUILTY):
        assert rule.row().keys() == set(FROZEN.names) and Standing.thawed(rule.row()) == rule


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("colour", "red"), "A rule has no 'colour'; choose one of cause, item, phrase"),
        (("phrase", " … "), "Say which cause, item or phrase"),
        (("phrase", "word " * 50), "Of a phrase 200 characters are kept"),
        (("cause", "c", "maybe"), "no verdict 'maybe'; choose false alarm or contaminated"),
    ],
)
def test_a_rule_checks_itself(wrong, said):
    with pytest.raises(BadConfig, match=said):
        RuleConfig(*wrong)


def test_clearing_is_the_usual_verdict():
    assert RuleConfig("cause", "c").verdict == FALSE_ALARM
